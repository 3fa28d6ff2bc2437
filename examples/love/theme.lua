-- Colours and fonts.

local theme = {
  night = { 0.027, 0.043, 0.078 },
  sea = { 0.043, 0.071, 0.122 },
  grid = { 0.40, 0.55, 0.80, 0.07 },
  land = { 0.086, 0.129, 0.204 },
  coast = { 0.32, 0.46, 0.66, 0.40 },
  panel = { 0.031, 0.051, 0.094, 0.86 },
  border = { 0.40, 0.55, 0.80, 0.18 },
  text = { 0.93, 0.95, 0.98 },
  muted = { 0.56, 0.63, 0.74 },
  faint = { 0.36, 0.43, 0.54 },
  accent = { 0.36, 0.84, 1.00 },
  town = { 1.00, 0.56, 0.24 },
  metropolis = { 1.00, 0.93, 0.78 },
  visit = { 0.55, 1.00, 0.76 },
  good = { 0.33, 0.56, 0.84 },
  bad = { 1.00, 0.42, 0.33 },
}

local ASCII = {}
for code = 32, 126 do ASCII[#ASCII + 1] = string.char(code) end

-- Its letters are made now, and not in the frame that shows the first of them.
local function font(weight, size)
  local face = love.graphics.newFont("data/Inter-" .. weight .. ".otf", size, "light")
  face:getWidth(table.concat(ASCII))
  return face
end

function theme.load()
  theme.small, theme.body = font("Regular", 12), font("Regular", 14)
  theme.label, theme.strong = font("SemiBold", 12), font("SemiBold", 14)
  theme.input, theme.number, theme.title = font("Regular", 17), font("SemiBold", 21), font("SemiBold", 24)
end

-- Prints with a colour and a font, from the left or, with `align` "right", up to x.
function theme.print(text, x, y, colour, face, align)
  love.graphics.setFont(face)
  love.graphics.setColor(colour)
  if align == "right" then x = x - face:getWidth(text) end
  love.graphics.print(text, math.floor(x), math.floor(y))
end

-- 1234567 as 1,234,567.
function theme.count(number)
  local digits = ("%d"):format(number)
  return (digits:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

return theme
