-- Options: tables by name, in which what is unknown or out of range is an error and not a surprise.

local bit = require("bit")
local ffi = require("ffi")
local library = require("sidelite_library")
local C = library.C

local options = {}

local UINT32, INT32 = 2 ^ 32 - 1, 2 ^ 31 - 1

-- Refuses names that are not in `known`, a set.
function options.no_unknown(given, known)
  for name in pairs(given) do
    if not known[name] then error(("sidelite: no option is called '%s'"):format(tostring(name)), 0) end
  end
end

-- A whole number from 0 to `most` (2^32 - 1); 0 without one, C's word for its default.
function options.whole(given, name, most)
  local number = given[name]
  most = most or UINT32
  if number == nil then return 0 end
  if type(number) ~= "number" or number < 0 or number > most or number ~= math.floor(number) then
    error(("sidelite: option '%s' is no whole number from 0 to %.0f"):format(name, most), 0)
  end
  return number
end

-- C would read a name up to its first NUL only, and open another file.
function options.c_string(text, what)
  if type(text) == "string" and not text:find("\0", 1, true) then return text end
  error(("sidelite: the %s is not a string without NULs"):format(what), 0)
end

local OPEN_FLAGS = {
  readonly = C.SIDELITE_OPEN_READONLY, no_create = C.SIDELITE_OPEN_NO_CREATE, uri = C.SIDELITE_OPEN_URI,
  memory = C.SIDELITE_OPEN_MEMORY, nofollow = C.SIDELITE_OPEN_NOFOLLOW, shared_cache = C.SIDELITE_OPEN_SHARED_CACHE,
  foreign_keys = C.SIDELITE_OPEN_FOREIGN_KEYS, untrusted = C.SIDELITE_OPEN_UNTRUSTED,
  any_text = C.SIDELITE_OPEN_ANY_TEXT, extensions = C.SIDELITE_OPEN_EXTENSIONS,
}

local OPEN_OPTIONS = {
  sqlite_defaults = true, vfs = true, busy_timeout_ms = true, statement_cache = true, max_requests = true,
  max_bytes = true, max_result_bytes = true, journal = true, synchronous = true, isolation = true, pragmas = true,
}
for name in pairs(OPEN_FLAGS) do OPEN_OPTIONS[name] = true end

local function open_flags(given)
  local flags = given.sqlite_defaults and 0 or C.SIDELITE_OPEN_HARDENED
  for name, flag in pairs(OPEN_FLAGS) do
    if given[name] then flags = bit.bor(flags, flag) end
  end
  return flags
end

-- 0 means the default to C, and none to everybody else.
local function or_none(given, name, most, none)
  return given[name] == 0 and none or options.whole(given, name, most)
end

-- The sidelite_open_config for the options of sidelite.open, and what must stay alive until it was used.
function options.open_config(given)
  options.no_unknown(given, OPEN_OPTIONS)
  local config = ffi.new("sidelite_open_config")
  config.struct_size, config.flags = ffi.sizeof(config), open_flags(given)
  config.vfs = given.vfs and options.c_string(given.vfs, "name of the VFS")
  config.busy_timeout_ms = or_none(given, "busy_timeout_ms", INT32, C.SIDELITE_NO_WAIT)
  config.statement_cache = or_none(given, "statement_cache", nil, C.SIDELITE_NO_STATEMENT_CACHE)
  config.max_requests = options.whole(given, "max_requests")
  config.max_bytes = options.whole(given, "max_bytes", 2 ^ 53)
  config.max_result_bytes = options.whole(given, "max_result_bytes", 2 ^ 53)
  config.journal_mode = library.constant("JOURNAL_", given.journal or "default")
  config.synchronous = library.constant("SYNC_", given.synchronous or "default")
  config.isolation = library.constant("BEGIN_", given.isolation or "none")
  if not given.pragmas then return config, given end
  for _, pragma in ipairs(given.pragmas) do options.c_string(pragma, "pragma") end
  local pragmas = ffi.new("const char *[?]", #given.pragmas, given.pragmas)
  config.pragmas, config.pragma_count = pragmas, #given.pragmas
  return config, { given, pragmas }
end

return options
