-- The declarations are those of the header, as a C compiler sees it.

local ffi = require("ffi")
local library = require("sidelite_library")
local t = require("harness")

local HEADER, MADE = "include/sidelite.h", "bindings/lua/sidelite_cdef.lua"

local function output_of(command)
  local pipe = assert(io.popen(command .. " && echo ended", "r"))
  local text = pipe:read("*a")
  pipe:close()
  local output = text:match("^(.*)ended\n$")
  return output or error("failed: " .. command .. "\n" .. text)
end

-- struct name -> the names of its fields, from the made file.
local function structs()
  local found = {}
  for name, body in require("sidelite_cdef"):gmatch("typedef %a+ (sidelite_[%w_]+) {\n(.-)\n}") do
    found[name] = {}
    for line in body:gmatch("[^\n]+") do
      table.insert(found[name], line:match("([%w_]+)%[?%d*%]?;$"))
    end
  end
  return found
end

local function constants_of_header()
  local names = {}
  for name in t.read(HEADER):gmatch("\n#define (SIDELITE_[%w_]+) [^\n]+") do names[#names + 1] = name end
  return names
end

-- A C program that prints `name value` for each of the expressions.
local function ask_compiler(expressions)
  local lines = { "#include <stdio.h>", '#include "sidelite.h"', "int main(void) {" }
  for _, expression in ipairs(expressions) do
    lines[#lines + 1] = ('  printf("%s %%lld\\n", (long long)(%s));'):format(expression, expression)
  end
  lines[#lines + 1] = "  return 0;\n}\n"
  local source, program = os.tmpname(), os.tmpname()
  local file = assert(io.open(source, "w"))
  file:write(table.concat(lines, "\n"))
  file:close()
  local ok, text = pcall(output_of, ("cc -x c -Iinclude %s -o %s && %s"):format(source, program, program))
  os.remove(source)
  os.remove(program)
  if not ok then error(text, 0) end
  local answers = {}
  for expression, value in text:gmatch("([^\n]-) (%-?%d+)\n") do answers[expression] = tonumber(value) end
  return answers
end

t.test("the_made_file_is_what_the_header_makes", function()
  local made = output_of("luajit bindings/lua/make_cdef.lua " .. HEADER)
  t.check(made == t.read(MADE), "make it anew: luajit bindings/lua/make_cdef.lua " .. HEADER .. " > " .. MADE)
end)

t.test("structs_are_laid_out_as_the_compiler_does", function()
  local expressions, ours = {}, {}
  for name, fields in pairs(structs()) do
    local size = ("sizeof(%s)"):format(name)
    expressions[#expressions + 1], ours[size] = size, ffi.sizeof(name)
    for _, field in ipairs(fields) do
      local offset = ("offsetof(%s, %s)"):format(name, field)
      expressions[#expressions + 1], ours[offset] = offset, ffi.offsetof(name, field)
    end
  end
  t.check(#expressions > 80, "only " .. #expressions .. " were found")
  local theirs = ask_compiler(expressions)
  for _, expression in ipairs(expressions) do t.equal(ours[expression], theirs[expression], expression) end
end)

t.test("constants_have_their_numbers", function()
  local names = constants_of_header()
  t.check(#names > 100, "only " .. #names .. " were found")
  local theirs = ask_compiler(names)
  for _, name in ipairs(names) do
    if name ~= "SIDELITE_NUL_TERMINATED" then t.equal(library.C[name], theirs[name], name) end
  end
end)

t.test("every_function_of_the_header_is_in_the_library", function()
  local count = 0
  for name in require("sidelite_cdef"):gmatch("(sidelite_[%w_]+)%(") do
    t.check(library.C[name] ~= nil, name)
    count = count + 1
  end
  t.check(count > 20, "only " .. count .. " were found")
end)

t.finish()
