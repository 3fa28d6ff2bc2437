-- 34,006 cities on a map of the world. They are imported into a database, stream in from it from east to west, and are
-- searched as you type, while visits are written to them: everything through one queue, polled once a frame.
--
--   love examples/love [--sync] [--script FOLDER]     from the root of the checkout
--
--   --sync            each call waits for its end, as with a synchronous library: watch the frames
--   --script FOLDER   types by itself, saves pictures into FOLDER, prints statistics, ends after ten seconds

-- LÖVE would show an error until somebody closes its window: nobody does where there is no screen.
function love.errorhandler(message)
  io.stderr:write(debug.traceback(tostring(message), 2), "\n")
  return function() return 1 end
end

local source = love.filesystem.getSource()
package.path = source .. "/../../bindings/lua/?.lua;" .. package.path

local Atlas = require("atlas")
local Map = require("map")
local Panel = require("panel")
local Script = require("script")
local hud = require("hud")
local tasks = require("tasks")
local theme = require("theme")
require("pace")

local DISPATCH_US = 1000 -- of a frame's 16,667 go to the database

local atlas, map, panel, script
local began
local found = {} -- the searches that were answered

local function options(arguments)
  local given = {}
  for i, argument in ipairs(arguments) do
    if argument == "--sync" then given.sync = true end
    if argument == "--script" then given.folder = assert(arguments[i + 1], "--script wants a folder") end
  end
  return given
end

local function show(search)
  panel.search = search
  map:show(search, { panel:box() })
  if search then table.insert(found, search) end
end

local world = {
  is_half = function() return atlas.rows >= 17003 end,
  is_all = function() return atlas.is_streamed end,
  is_answered = function() return panel.search and panel.search.text == panel.text and panel.search.is_done end,
}

function world.finish()
  Script.print_statistics(atlas, found, love.timer.getTime() - began)
  script:save_pictures()
  love.event.quit()
end

function love.load(arguments)
  local given = options(arguments)
  theme.load()
  map, panel = Map.new(), Panel.new()
  map:rehearse()
  atlas = Atlas.new(source .. "/../data", os.tmpname(), given.sync)
  script = given.folder and Script.new(given.folder, world)
  love.keyboard.setKeyRepeat(true)
  began = love.timer.getTime()
  atlas:start(function(chunk) map:add_cities(chunk) end, function(id) map:add_visit(id) end)
end

function love.update()
  if script then script:update() end
  atlas:dispatch(DISPATCH_US)
  tasks.step()
end

local function draw_title()
  theme.print("34,006 cities", 32, 22, theme.text, theme.title)
  local state = atlas.is_streamed and "all of them are here"
    or atlas.rows > 0 and "coming in with the sunrise" or "being imported"
  theme.print(state .. (atlas.sync and ", every call waits" or ""), 32, 54, theme.muted, theme.body)
end

function love.draw()
  map:draw(not atlas.is_streamed)
  draw_title()
  panel:draw()
  hud.draw(atlas)
end

local function search()
  atlas:search(panel.text, show)
end

function love.textinput(text)
  panel.text = panel.text .. text
  search()
end

function love.keypressed(key)
  if key == "escape" then love.event.quit() end
  if key ~= "backspace" or panel.text == "" then return end
  local utf8 = require("utf8")
  panel.text = panel.text:sub(1, utf8.offset(panel.text, -1) - 1)
  search()
end

function love.quit()
  atlas:close()
end
