-- The land and the grid, drawn once.

local projection = require("projection")
local theme = require("theme")

local land = {}

local FINER = 2 -- drawn larger, then shrunk: edges without steps

-- The rings of data/land.txt in pixels: lists of x1, y1, x2, y2, ...
local function rings()
  local list = {}
  for line in love.filesystem.lines("data/land.txt") do
    if line:sub(1, 1) ~= "#" then
      local ring, longitude, latitude = {}, 0, 0
      for dx, dy in line:gmatch("(%-?%d+) (%-?%d+)") do
        longitude, latitude = longitude + dx / 10, latitude + dy / 10
        ring[#ring + 1], ring[#ring + 2] = projection.project(longitude, latitude)
      end
      ring[#ring + 1], ring[#ring + 2] = ring[1], ring[2]
      list[#list + 1] = ring
    end
  end
  return list
end

-- A fan over a ring turns each pixel inside of it around an odd number of times: no triangles have to be found, and
-- lakes are holes by themselves.
local function fan(ring)
  local vertices = {}
  for i = 1, #ring, 2 do vertices[#vertices + 1] = { ring[i], ring[i + 1] } end
  return love.graphics.newMesh(vertices, "fan", "static")
end

local function draw_sea()
  local edge = projection.line(180, 90, 180, -90)
  local left = projection.line(-180, -90, -180, 90)
  for _, coordinate in ipairs(left) do edge[#edge + 1] = coordinate end
  love.graphics.setColor(theme.sea)
  love.graphics.polygon("fill", edge)
end

local function draw_grid()
  love.graphics.setColor(theme.grid)
  for longitude = -180, 180, 30 do love.graphics.line(projection.line(longitude, -90, longitude, 90)) end
  for latitude = -60, 60, 30 do love.graphics.line(projection.line(-180, latitude, 180, latitude)) end
end

local function draw_land()
  local list = rings()
  love.graphics.stencil(function()
    for _, ring in ipairs(list) do love.graphics.draw(fan(ring)) end
  end, "invert", 1)
  love.graphics.setStencilTest("greater", 0)
  love.graphics.setColor(theme.land)
  love.graphics.rectangle("fill", 0, 0, love.graphics.getDimensions())
  love.graphics.setStencilTest()
  love.graphics.setColor(theme.coast)
  for _, ring in ipairs(list) do love.graphics.line(ring) end
end

local function draw_all()
  love.graphics.clear(theme.night)
  love.graphics.push()
  love.graphics.scale(FINER)
  love.graphics.setLineJoin("none")
  love.graphics.setLineWidth(0.9)
  draw_sea()
  draw_land()
  draw_grid()
  love.graphics.pop()
end

-- Returns a canvas of the size of the window.
function land.canvas()
  local width, height = love.graphics.getDimensions()
  local fine = love.graphics.newCanvas(width * FINER, height * FINER)
  fine:setFilter("linear", "linear")
  love.graphics.setCanvas({ fine, stencil = true })
  draw_all()
  local canvas = love.graphics.newCanvas(width, height)
  canvas:setFilter("nearest", "nearest") -- it is drawn one to one, which costs less so
  love.graphics.setCanvas(canvas)
  love.graphics.setColor(1, 1, 1)
  love.graphics.draw(fine, 0, 0, 0, 1 / FINER)
  love.graphics.setCanvas()
  fine:release()
  return canvas
end

return land
