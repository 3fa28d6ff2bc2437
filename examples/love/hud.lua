-- The strip at the bottom: what each frame took, and how much came and went.

local pace = require("pace")
local theme = require("theme")

local hud = {}

local TOP, HEIGHT = 654, 48
local GRAPH_LEFT, BAR, FRAMES = 32, 2, 180
local GRAPH_MS = 33.3 -- at its top

local rates = {} -- by name: { total, at, per_second }

-- How much a total has grown in the last second.
local function rate(name, total, now)
  local r = rates[name] or { total = total, at = now, per_second = 0 }
  rates[name] = r
  if now - r.at >= 0.5 then
    r.per_second, r.total, r.at = (total - r.total) / (now - r.at), total, now
  end
  return r.per_second
end

local function draw_graph()
  local works, first = pace.works, math.max(1, #pace.works - FRAMES + 1)
  local base = TOP + HEIGHT
  local limit = base - HEIGHT * pace.FRAME_MS / GRAPH_MS
  for i = first, #works do
    local height = math.max(1, math.min(1, works[i] / GRAPH_MS) * HEIGHT)
    love.graphics.setColor(works[i] > pace.FRAME_MS and theme.bad or theme.good)
    love.graphics.rectangle("fill", GRAPH_LEFT + (i - first) * BAR, base - height, BAR - 0.5, height)
  end
  love.graphics.setColor(theme.border)
  love.graphics.line(GRAPH_LEFT, limit, GRAPH_LEFT + FRAMES * BAR, limit)
  love.graphics.line(GRAPH_LEFT, base + 0.5, GRAPH_LEFT + FRAMES * BAR, base + 0.5)
  theme.print("16.7 ms", GRAPH_LEFT + FRAMES * BAR + 8, limit - 8, theme.faint, theme.small)
  theme.print("work in each frame", GRAPH_LEFT, TOP - 18, theme.muted, theme.small)
end

local function draw_number(x, name, text, unit, colour)
  theme.print(name, x, TOP - 18, theme.muted, theme.small)
  theme.print(text, x, TOP - 1, colour or theme.text, theme.number)
  theme.print(unit, x, TOP + 31, theme.faint, theme.small)
end

local function mean(list, count)
  local sum, first = 0, math.max(1, #list - count + 1)
  for i = first, #list do sum = sum + list[i] end
  return sum / math.max(1, #list - first + 1)
end

local worst = { work = 0, time = 0, seen = 0 }

local function update_worst()
  for i = worst.seen + 1, #pace.works do
    worst.work, worst.time = math.max(worst.work, pace.works[i]), math.max(worst.time, pace.times[i])
  end
  worst.seen = #pace.works
end

-- Draws it for an Atlas.
function hud.draw(atlas)
  local now = love.timer.getTime()
  update_worst()
  draw_graph()
  local frame = mean(pace.times, 60)
  draw_number(492, "frames", ("%.1f"):format(1000 / math.max(frame, 1)), "a second")
  draw_number(592, "frame", ("%.1f"):format(frame), ("ms, work %.1f"):format(mean(pace.works, 60)))
  draw_number(708, "worst frame", ("%.1f"):format(worst.time), ("ms, work %.1f"):format(worst.work),
    worst.work > pace.FRAME_MS and theme.bad)
  draw_number(838, "rows in", theme.count(rate("rows", atlas.rows, now)), "a second")
  draw_number(950, "rows written", theme.count(rate("writes", atlas.writes, now)), "a second")
  local imported = ("of %s imported"):format(theme.count(atlas.imported))
  draw_number(1072, "cities", theme.count(atlas.rows), imported, theme.town)
end

return hud
