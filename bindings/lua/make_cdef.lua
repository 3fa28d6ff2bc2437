-- Makes sidelite_cdef.lua from the public header:
--
--   luajit bindings/lua/make_cdef.lua include/sidelite.h > bindings/lua/sidelite_cdef.lua
--
-- LuaJIT reads C declarations, but no preprocessor and no function bodies. So constants become `static const`, and
-- the header's inline helpers are left out: the binding has its own.

-- LuaJIT's constants have 32 bits at most. The one number beyond that marks a text without a length, and every Lua
-- string has one.
local LEFT_OUT = { SIDELITE_NUL_TERMINATED = true }

local HEAD = [==[
-- Made from include/sidelite.h by make_cdef.lua: do not edit.
return [[
]==]

local function without_comments(header)
  return (header:gsub("/%*.-%*/", ""):gsub("//[^\n]*", ""))
end

local function constants(header)
  local lines = {}
  for name, value in header:gmatch("\n#define (SIDELITE_[%w_]+) ([^\n]+)") do
    local kind = value == "UINT32_MAX" and "uint32_t" or "int"
    value = value:gsub("UINT32_MAX", "0xffffffff")
    if not LEFT_OUT[name] then lines[#lines + 1] = ("static const %s %s = %s;"):format(kind, name, value) end
  end
  return table.concat(lines, "\n")
end

local function declarations(header)
  local text = header
    :gsub("\n#[^\n]*", "")
    :gsub('\nextern "C" {', "")
    :gsub("\n}[ ]*%f[\n]", "\n}\n") -- a brace alone ends a function or the extern block
    :gsub("\nstatic inline .-\n}", "")
    :gsub("\n}%s*%f[\n]", "\n")
  return (text:gsub("[ \t]+\n", "\n"):gsub("\n\n+", "\n"):gsub("^%s+", ""):gsub("%s+$", ""))
end

local path = assert(arg[1], "usage: make_cdef.lua HEADER")
local header = without_comments(assert(io.open(path)):read("*a"))
io.write(HEAD, constants(header), "\n", declarations(header), "\n]]\n")
