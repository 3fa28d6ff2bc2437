-- The shared library: where it is found, what it declares, and its codes as errors of Lua.

local bit = require("bit")
local ffi = require("ffi")

-- A module that is loaded a second time finds its declarations still there: LuaJIT never forgets one.
if not pcall(ffi.typeof, "sidelite_event") then ffi.cdef(require("sidelite_cdef")) end

local library = {}

local function try(name, reasons)
  local ok, found = pcall(ffi.load, name)
  if ok then return found end
  reasons[#reasons + 1] = "  " .. tostring(found)
end

-- SIDELITE_LIBRARY names one file and nothing else is tried then: who names a build wants that one. The name with its
-- major version comes first, because it is the one that fits. A game has the library beside it, where package.cpath
-- looks.
local function find()
  local reasons, named = {}, os.getenv("SIDELITE_LIBRARY")
  local found
  if named and named ~= "" then
    found = try(named, reasons)
  else
    local beside = package.searchpath("libsidelite", package.cpath)
    found = try("libsidelite.so.0", reasons) or try("sidelite", reasons) or (beside and try(beside, reasons))
  end
  if found then return found end
  error("sidelite: the shared library was not found; set SIDELITE_LIBRARY to its path:\n"
    .. table.concat(reasons, "\n"), 0)
end

local C = find()
library.C = C

if C.sidelite_abi_version() ~= C.SIDELITE_ABI_VERSION then
  error(("sidelite: the shared library has ABI version %d, this binding wants %d"):format(
    C.sidelite_abi_version(), C.SIDELITE_ABI_VERSION), 0)
end

-- The number of a constant by the end of its name: constant("JOURNAL_", "wal").
function library.constant(prefix, name)
  local full = "SIDELITE_" .. prefix .. tostring(name):upper()
  local ok, number = pcall(function() return C[full] end)
  if not ok then error("sidelite: there is no " .. full, 0) end
  return number
end

-- The primary codes of SQLite, from 1. Their extended codes share the lower eight bits.
local SQLITE_NAMES = {
  "ERROR", "INTERNAL", "PERM", "ABORT", "BUSY", "LOCKED", "NOMEM", "READONLY", "INTERRUPT", "IOERR", "CORRUPT",
  "NOTFOUND", "FULL", "CANTOPEN", "PROTOCOL", "EMPTY", "SCHEMA", "TOOBIG", "CONSTRAINT", "MISMATCH", "MISUSE",
  "NOLFS", "AUTH", "FORMAT", "RANGE", "NOTADB", "NOTICE", "WARNING",
}

local Error = {}
Error.__index = Error

function Error.__tostring(self)
  local place = self.offset and (" (at byte %d of the SQL)"):format(self.offset) or ""
  return ("%s (%d): %s%s"):format(self.name, self.code, self.message, place)
end

-- Makes an error object: `code`, `name` and `message`; where known `offset` into `sql`, in bytes from 0, and
-- `sqlite_code`, the code of SQLite's behind one of sidelite's own.
function library.failure(code, message)
  local text = ffi.string(C.sidelite_status_string(code))
  local name = text:match("^SIDELITE_[%u_]+") or "SQLITE_" .. (SQLITE_NAMES[code % 256] or "ERROR")
  return setmetatable({ code = code, name = name, message = message or text:gsub("^SIDELITE_[%u_]+: ", "") }, Error)
end

-- The error of an event whose code is not 0.
function library.failure_of(event, sql)
  local result = event.result
  local message
  if result ~= nil and result.message ~= 0 then
    message = ffi.string(ffi.cast("const char *", result) + tonumber(result.message), result.message_len)
  end
  local failure = library.failure(event.code, message)
  failure.sql = sql
  failure.not_run = bit.band(event.flags, C.SIDELITE_EVENT_NOT_RUN) ~= 0
  failure.rolled_back = bit.band(event.flags, C.SIDELITE_EVENT_ROLLED_BACK) ~= 0
  if result ~= nil then
    if result.sql_offset >= 0 then failure.offset = result.sql_offset end
    if result.sqlite_code ~= 0 then failure.sqlite_code = result.sqlite_code end
  end
  return failure
end

-- Raises what a call of C refuses with a negative status, and gives back everything else as a number.
function library.check(status)
  if status < 0 then error(library.failure(tonumber(status)), 0) end
  return tonumber(status)
end

return library
