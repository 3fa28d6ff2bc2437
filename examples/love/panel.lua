-- The search: what is typed, and the hits with their countries and people.

local theme = require("theme")

local Panel = {}
Panel.__index = Panel

local X, Y, WIDTH = 32, 292, 262
local FIELD, HEAD, ROW, LISTED, PAD = 40, 32, 35, 7, 12

function Panel.new()
  return setmetatable({ text = "" }, Panel)
end

-- The box that it covers: nothing else should write there.
function Panel:box()
  local rows = self.search and math.min(LISTED, self.search.hits.n) or 0
  local height = FIELD + (self.search and HEAD or 0) + rows * ROW + (rows > 0 and 8 or 0)
  return { x = X, y = Y, width = WIDTH, height = height }
end

-- Shortens a text to a width.
local function fit(text, face, width)
  if face:getWidth(text) <= width then return text end
  local utf8 = require("utf8")
  for length = utf8.len(text), 1, -1 do
    local short = text:sub(1, utf8.offset(text, length + 1) - 1) .. "…"
    if face:getWidth(short) <= width then return short end
  end
  return ""
end

local function draw_field(self)
  local caret = X + PAD
  if self.text == "" then
    theme.print("Type the name of a city", X + PAD + 6, Y + 10, theme.faint, theme.input)
  else
    theme.print(self.text, X + PAD, Y + 10, theme.text, theme.input)
    caret = caret + theme.input:getWidth(self.text) + 2
  end
  love.graphics.setColor(theme.accent)
  love.graphics.rectangle("fill", caret, Y + 11, 1.5, 19)
end

local function millions(people)
  if people >= 1e6 then return ("%.1f M"):format(people / 1e6) end
  return ("%.0f k"):format(people / 1e3)
end

local function draw_hit(search, i, y)
  local hits, right = search.hits, X + WIDTH - PAD
  local people = theme.count(hits:integer(i, 3))
  local name_width = WIDTH - 2 * PAD - theme.body:getWidth(people) - 12
  theme.print(fit(hits:text(i, 1), theme.strong, name_width), X + PAD, y, theme.text, theme.strong)
  theme.print(people, right, y, theme.text, theme.body, "right")
  local near = search.near[i] and millions(search.near[i]) .. " within 100 km" or "…"
  local country_width = WIDTH - 2 * PAD - theme.small:getWidth(near) - 12
  theme.print(fit(hits:text(i, 2), theme.small, country_width), X + PAD, y + 16, theme.muted, theme.small)
  theme.print(near, right, y + 16, search.near[i] and theme.muted or theme.faint, theme.small, "right")
end

local function draw_hits(search)
  local y = Y + FIELD + 7
  local cities = search.hits.n == 1 and "1 city" or theme.count(search.hits.n) .. " cities"
  theme.print(cities, X + PAD, y, theme.accent, theme.label)
  theme.print(("shown after %.0f ms"):format(search.ms), X + WIDTH - PAD, y, theme.faint, theme.small, "right")
  for i = 1, math.min(LISTED, search.hits.n) do draw_hit(search, i, y + HEAD - 5 + (i - 1) * ROW) end
end

function Panel:draw()
  local box = self:box()
  love.graphics.setColor(theme.panel)
  love.graphics.rectangle("fill", box.x, box.y, box.width, box.height, 6)
  love.graphics.setColor(theme.border)
  love.graphics.rectangle("line", box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1, 6)
  if self.search then love.graphics.line(X + 1, Y + FIELD + 0.5, X + WIDTH - 1, Y + FIELD + 0.5) end
  draw_field(self)
  if self.search then draw_hits(self.search) end
end

return Panel
