-- What is shown to readers does what it says; and how the library is found.

local t = require("harness")

-- Runs a command of the shell; returns what it printed, errors too, and whether it succeeded.
local function run(command)
  local pipe = assert(io.popen(("{ %s; } 2>&1 && echo ended"):format(command), "r"))
  local text = pipe:read("*a")
  pipe:close()
  local output = text:match("^(.*)ended\n$")
  return output or text, output ~= nil
end

local function run_text(lua)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(lua)
  file:close()
  local output, ok = run("luajit " .. path)
  os.remove(path)
  return output, ok
end

t.test("the_readme_prints_what_it_says", function()
  local readme = t.read("bindings/lua/README.md")
  local program, printed = readme:match("```lua\n(.-)```.-```text\n(.-)```")
  local output, ok = run_text(program)
  t.check(ok, output)
  t.equal(output, printed)
  t.equal(printed, "Ada Lovelace, 1815\n")
end)

t.test("all_programs_of_the_readme_are_lua", function()
  local count = 0
  for program in t.read("bindings/lua/README.md"):gmatch("```lua\n(.-)```") do
    t.check(loadstring(program))
    count = count + 1
  end
  t.check(count >= 2)
end)

t.test("the_readme_names_every_file", function()
  local readme = t.read("bindings/lua/README.md")
  for name in run("ls bindings/lua"):gmatch("(%S+%.lua)") do t.check(readme:find(name, 1, true), name) end
end)

t.test("thermometer", function()
  local output, ok = run("luajit examples/thermometer.lua")
  t.check(ok, output)
  t.equal(output, "100 readings, 24.95 degrees on average, 29.9 at most\n"
    .. "tick 27: 29.9\ntick 54: 29.8\ntick 81: 29.7\ntick 8: 29.6\n")
end)

t.test("a_library_that_is_not_there_is_told", function()
  local output, ok = run([[SIDELITE_LIBRARY=/nonexistent.so luajit -e 'require("sidelite")']])
  t.check(not ok)
  t.check(output:find("set SIDELITE_LIBRARY", 1, true) and output:find("/nonexistent.so", 1, true), output)
end)

t.test("a_library_beside_the_program_is_found", function()
  local folder = os.tmpname()
  os.remove(folder)
  local link = ("mkdir %s && ln -s \"$(realpath \"$SIDELITE_LIBRARY\")\" %s/libsidelite.so"):format(folder, folder)
  local output, ok = run(link .. (" && unset SIDELITE_LIBRARY && LUA_CPATH='%s/?.so' "):format(folder)
    .. [[luajit -e 'print(require("sidelite").version() ~= nil)']])
  run("rm -r " .. folder)
  t.check(ok, output)
  t.equal(output, "true\n")
end)

t.test("another_abi_is_refused", function()
  local source, library = os.tmpname(), os.tmpname()
  local file = assert(io.open(source, "w"))
  file:write("unsigned sidelite_abi_version(void) { return 99; }\n")
  file:close()
  local command = "cc -shared -fPIC -x c %s -o %s && SIDELITE_LIBRARY=%s luajit -e 'require(\"sidelite\")'"
  local output, ok = run(command:format(source, library, library))
  os.remove(source)
  os.remove(library)
  t.check(not ok)
  t.check(output:find("ABI version 99, this binding wants 1", 1, true), output)
end)

t.test("a_program_may_end_with_everything_open", function()
  local output, ok = run_text([[
    local sidelite = require("sidelite")
    local queue = sidelite.queue()
    local db = sidelite.open(queue, ":memory:")
    db:fetch("]] .. t.ENDLESS .. [[", function() end)
    view = queue:wait(function()
      return sidelite.open(queue, ":memory:"):fetch("SELECT 'kept' AS x", nil, { rows = "view" })
    end)
    stream = db:stream("SELECT 1")
    print(view:text(1, 1))
  ]])
  t.check(ok, output)
  t.equal(output, "kept\n")
end)

t.test("the_module_may_be_loaded_again", function()
  local output, ok = run_text([[
    local first = require("sidelite")
    for name in pairs(package.loaded) do
      if name:find("^sidelite") then package.loaded[name] = nil end
    end
    local second = require("sidelite")
    local queue = second.queue()
    print(first ~= second, queue:wait(function() return second.open(queue, ":memory:"):fetch("SELECT 1 AS x")[1].x end))
  ]])
  t.check(ok, output)
  t.equal(output, "true\t1\n")
end)

t.finish()
