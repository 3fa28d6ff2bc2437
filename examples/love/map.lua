-- The world: cities that light up as their rows come in, visits, and the hits of a search with their names.

local land = require("land")
local projection = require("projection")
local theme = require("theme")

local Map = {}
Map.__index = Map

local SMALLEST, LARGEST = 15000, 2.2e7 -- people
local DOT = 32                         -- pixels of a dot's image
local VISIT_SECONDS, VISITS_MAX, FRAMES_A_VISIT = 1.2, 24, 4
local LABELS, APART = 24, 10 -- names at most, and pixels between two places that may both have one
local PART_TOP, PART_HEIGHT = 64, 560 -- of the canvas, all that is shown: every pixel that is not drawn is time
local DAWN_STEPS, DAWN_DEGREES = 40, 7

local function image(light_at)
  local data = love.image.newImageData(DOT, DOT)
  data:mapPixel(function(x, y)
    local distance = math.sqrt((x - DOT / 2 + 0.5) ^ 2 + (y - DOT / 2 + 0.5) ^ 2) / (DOT / 2)
    return 1, 1, 1, math.max(0, math.min(1, light_at(distance)))
  end)
  return love.graphics.newImage(data)
end

local function glow(distance) return math.exp(-distance * distance * 5) * (1 - distance) * 1.25 end
local function ring(distance) return 1 - math.abs(distance - 0.8) * 9 end
local function disc(distance) return (0.9 - distance) * 8 end

function Map.new()
  local map = setmetatable({ x = {}, y = {}, visits = {}, visit_count = 0 }, Map)
  map.canvas = land.canvas()
  local width, height = map.canvas:getDimensions()
  map.part = love.graphics.newQuad(0, PART_TOP, width, PART_HEIGHT, width, height)
  map.dots = love.graphics.newSpriteBatch(image(glow), 4096, "stream")
  map.marks = love.graphics.newSpriteBatch(image(disc), 8192, "stream")
  map.ring = image(ring)
  map.dawn_mesh = love.graphics.newMesh(2 * (DAWN_STEPS + 1), "strip", "stream")
  return map
end

-- From 0, a small town, to 1.
local function rank(population)
  return math.max(0, math.min(1, math.log(population / SMALLEST) / math.log(LARGEST / SMALLEST)))
end

local function mix(a, b, t) return a + (b - a) * t end

local function add_dot(dots, x, y, population)
  local t = rank(population)
  local town, metropolis = theme.town, theme.metropolis
  local size = mix(3, 19, t ^ 2.2) / DOT
  dots:setColor(mix(town[1], metropolis[1], t), mix(town[2], metropolis[2], t), mix(town[3], metropolis[3], t),
    mix(0.26, 0.95, t ^ 1.5))
  dots:add(x, y, 0, size, size, DOT / 2, DOT / 2)
end

local function draw_dots(self)
  love.graphics.setCanvas(self.canvas)
  love.graphics.setBlendMode("add")
  love.graphics.setColor(1, 1, 1)
  love.graphics.draw(self.dots)
  love.graphics.setBlendMode("alpha")
  love.graphics.setCanvas()
end

-- Draws a chunk of Atlas's sunrise onto the canvas, once: frames to come cost nothing for it.
function Map:add_cities(chunk)
  self.dots:clear()
  for i = 1, chunk.n do
    local id, longitude = chunk:integer(i, 1), chunk:real(i, 2)
    local x, y = projection.project(longitude, chunk:real(i, 3))
    self.x[id], self.y[id], self.dawn = x, y, longitude
    add_dot(self.dots, x, y, chunk:integer(i, 4))
  end
  draw_dots(self)
end

-- Remembers one visit of a few, as a ring that grows and fades.
function Map:add_visit(id)
  self.visit_count = self.visit_count + 1
  if self.visit_count % FRAMES_A_VISIT ~= 0 or not self.x[id] then return end
  table.insert(self.visits, { x = self.x[id], y = self.y[id], at = love.timer.getTime() })
  if #self.visits > VISITS_MAX then table.remove(self.visits, 1) end
end

local function overlap(a, b)
  return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height
end

local function is_free(box, taken)
  for _, other in ipairs(taken) do
    if overlap(box, other) then return false end
  end
  return true
end

-- A place beside (x, y) for a label: to its right, left, above or below; nil when all of them are taken.
local function place(x, y, width, height, taken)
  local gap = 8
  local candidates = {
    { x + gap, y - height / 2 }, { x - gap - width, y - height / 2 },
    { x - width / 2, y - gap - height }, { x - width / 2, y + gap },
  }
  for _, corner in ipairs(candidates) do
    local box = { x = corner[1] - 3, y = corner[2], width = width + 6, height = height }
    if box.x > 8 and box.x + box.width < 1272 and is_free(box, taken) then return box end
  end
end

-- A larger city at the same place has the name already: Paris, and not its twenty districts.
local function is_named(mark, labels)
  for _, label in ipairs(labels) do
    if math.abs(label.mark.x - mark.x) < APART and math.abs(label.mark.y - mark.y) < APART then return true end
  end
  return false
end

local function label_hits(marks, taken)
  local labels = {}
  for _, mark in ipairs(marks) do
    local box = not is_named(mark, labels)
      and place(mark.x, mark.y, theme.label:getWidth(mark.name), theme.label:getHeight(), taken)
    if box then
      box.mark = mark
      table.insert(taken, box)
      table.insert(labels, box)
    end
  end
  return labels
end

-- Shows the hits of a search, or none; their names keep clear of `reserved`, a list of boxes.
function Map:show(search, reserved)
  self.search, self.labels = search, {}
  self.marks:clear()
  if not search then return end
  local hits, named = search.hits, {}
  for i = hits.n, 1, -1 do
    local x, y = projection.project(hits:real(i, 4), hits:real(i, 5))
    local t = rank(hits:integer(i, 3))
    local size = mix(3.4, 9, t) / DOT
    self.marks:setColor(theme.accent[1], theme.accent[2], theme.accent[3], mix(0.65, 1, t))
    self.marks:add(x, y, 0, size, size, DOT / 2, DOT / 2)
    if i <= LABELS then named[i] = { x = x, y = y, name = hits:text(i, 1) } end
  end
  local taken = { unpack(reserved) }
  for _, mark in ipairs(named) do table.insert(taken, { x = mark.x - 5, y = mark.y - 5, width = 10, height = 10 }) end
  self.labels = label_hits(named, taken)
end

local function draw_visits(self, now)
  love.graphics.setBlendMode("add")
  for _, visit in ipairs(self.visits) do
    local age = (now - visit.at) / VISIT_SECONDS
    if age < 1 then
      love.graphics.setColor(theme.visit[1], theme.visit[2], theme.visit[3], (1 - age) * 0.8)
      local size = (4 + 20 * math.sqrt(age)) / DOT
      love.graphics.draw(self.ring, visit.x, visit.y, 0, size, size, DOT / 2, DOT / 2)
    end
  end
  love.graphics.setBlendMode("alpha")
end

-- The line of dawn, and the light that goes before it to the east.
local function draw_dawn(self)
  local vertices = {}
  for i = 0, DAWN_STEPS do
    local latitude = -58 + 142 * i / DAWN_STEPS
    local x, y = projection.project(self.dawn, latitude)
    local far_x, far_y = projection.project(math.min(180, self.dawn + DAWN_DEGREES), latitude)
    local light = 0.5 * math.sin(math.pi * i / DAWN_STEPS)
    vertices[2 * i + 1] = { x, y, 0, 0, 1, 0.93, 0.78, light }
    vertices[2 * i + 2] = { far_x, far_y, 0, 0, 1, 0.62, 0.30, 0 }
  end
  self.dawn_mesh:setVertices(vertices)
  love.graphics.setBlendMode("add")
  love.graphics.setColor(1, 1, 1)
  love.graphics.draw(self.dawn_mesh)
  love.graphics.setBlendMode("alpha")
end

local function draw_label(box)
  love.graphics.setFont(theme.label)
  love.graphics.setColor(theme.night[1], theme.night[2], theme.night[3], 0.72)
  love.graphics.rectangle("fill", box.x, box.y, box.width, box.height, 3)
  theme.print(box.mark.name, box.x + 3, box.y, theme.text, theme.label)
end

local function draw_hits(self)
  love.graphics.setColor(1, 1, 1)
  love.graphics.draw(self.marks)
  love.graphics.setColor(theme.accent[1], theme.accent[2], theme.accent[3], 0.9)
  for _, box in ipairs(self.labels) do
    love.graphics.draw(self.ring, box.mark.x, box.mark.y, 0, 0.5, 0.5, DOT / 2, DOT / 2)
  end
  for _, box in ipairs(self.labels) do draw_label(box) end
end

-- Draws the world; `is_streaming` shows the line up to which the cities have come.
function Map:draw(is_streaming)
  -- Behind the hits of a search the cities step back.
  local light = self.search and 0.66 or 1
  love.graphics.clear(theme.night[1] * light, theme.night[2] * light, theme.night[3] * light)
  love.graphics.setBlendMode("replace", "premultiplied")
  love.graphics.setColor(light, light, light)
  love.graphics.draw(self.canvas, self.part, 0, PART_TOP)
  love.graphics.setBlendMode("alpha")
  if is_streaming and self.dawn then draw_dawn(self) end
  draw_visits(self, love.timer.getTime())
  if self.search then draw_hits(self) end
end

-- Draws one of everything before the first frame that counts: drivers compile what they draw with when they first draw
-- it. What it draws onto the canvas is out of sight.
function Map:rehearse()
  local far = -10 * DOT
  local mark = { x = far, y = far, name = "" }
  add_dot(self.dots, far, far, LARGEST)
  draw_dots(self)
  self.marks:add(far, far)
  self.search, self.labels = {}, { { x = far, y = far, width = 1, height = 1, mark = mark } }
  self.visits, self.dawn = { { x = 0, y = 0, at = love.timer.getTime() } }, 0
  self:draw(true)
  self.visits, self.dawn = {}, nil
  self:show(nil)
end

return Map
