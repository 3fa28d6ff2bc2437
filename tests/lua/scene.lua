-- Judges what the LÖVE program left behind: tests/lua/love runs it. Nothing here depends on how fast the machine is; the
-- times are shown.
--
--   scene.lua ASYNC SYNC     two folders, each with the program's output, `log`, and its pictures

package.path = "examples/love/?.lua;" .. package.path
local csv = require("csv")
local t = require("harness")

local CITIES, SEARCHES = 34006, 14
local WIDTH, HEIGHT, COLOURS_LEAST = "1280", "720", 2000

-- name -> value, all as strings, and the names in their order.
local function statistics(folder)
  local block = assert(t.read(folder .. "/log"):match("statistics\n(.-)end\n"), folder .. ": no statistics")
  local values, order = {}, {}
  for name, value in block:gmatch("(%S+) +([^\n]+)\n") do
    if not values[name] then order[#order + 1] = name end
    values[name] = value
  end
  return values, order
end

local cities = {}
for record in csv.records("examples/data/cities.csv") do
  cities[#cities + 1] = { name = record[2], people = tonumber(record[7]) }
end

-- What a search for names with this beginning has to find: how many, and the names of the largest.
local function expected(prefix)
  local count, most, names = 0, 0, {}
  for _, city in ipairs(cities) do
    if city.name:sub(1, #prefix):lower() == prefix then
      count = count + 1
      if city.people > most then most, names = city.people, {} end
      if city.people == most then names[city.name] = true end
    end
  end
  return count, names
end

local function check_counts(values, mode)
  t.equal(#cities, CITIES)
  t.equal(values.mode, mode)
  t.equal(tonumber(values.imported), CITIES)
  t.equal(tonumber(values.rows), CITIES)
  t.equal(tonumber(values.searches), SEARCHES)
  t.check(tonumber(values.transactions) > 0)
  t.equal(tonumber(values.rows_written), 40 * tonumber(values.transactions))
  t.check(tonumber(values.frames) > 0)
end

local function check_hits(values)
  local searches = 0
  for name, value in pairs(values) do
    local prefix = name:match("^found_(.*)")
    if prefix then
      local count, largest = value:match("^(%d+) (.*)")
      local wanted, names = expected(prefix)
      t.equal(tonumber(count), wanted, prefix)
      t.check(names[largest], prefix .. ": " .. largest)
      searches = searches + 1
    end
  end
  t.check(searches >= 4, "only " .. searches .. " were answered")
  t.check(values.found_san and values.found_par and values.found_paris)
end

local function check_pictures(folder)
  for _, name in ipairs({ "streaming", "search", "end" }) do
    local width, height, colours = t.read(folder .. "/" .. name .. ".size"):match("(%d+)%s+(%d+)%s+(%d+)")
    t.equal(width, WIDTH)
    t.equal(height, HEIGHT)
    t.check(tonumber(colours) >= COLOURS_LEAST, ("%s has %s colours"):format(name, colours))
  end
end

local folders = { async = arg[1], sync = arg[2] }
for _, mode in ipairs({ "async", "sync" }) do
  local folder = folders[mode]
  t.test(mode .. "_all_rows_arrived", function() check_counts(statistics(folder), mode) end)
  t.test(mode .. "_hits_are_right", function() check_hits(statistics(folder)) end)
  t.test(mode .. "_pictures_show_something", function() check_pictures(folder) end)
end

t.test("superseded_searches_were_cancelled", function()
  t.check(tonumber(statistics(folders.async).cancelled) >= 1)
  t.equal(statistics(folders.sync).cancelled, "0") -- who waits for each has none to cancel
end)

local async, order = statistics(folders.async)
local sync = statistics(folders.sync)
print(("\n%-18s %12s %12s"):format("", "async", "sync"))
for _, name in ipairs(order) do
  if name ~= "mode" and not name:find("^found_") then
    print(("%-18s %12s %12s"):format(name, async[name], sync[name] or ""))
  end
end
print()
t.finish()
