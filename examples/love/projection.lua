-- Tom Patterson's Natural Earth projection: a world with round corners, true enough in size and shape to be at home in.

local projection = {}

local SCALE = 229              -- pixels in a radian at the equator
local CENTRE_X, EQUATOR_Y = 640, 396

-- Degrees to pixels.
function projection.project(longitude, latitude)
  local l, p = math.rad(longitude), math.rad(latitude)
  local p2 = p * p
  local p4 = p2 * p2
  local x = l * (0.8707 - 0.131979 * p2 - 0.013791 * p4 + 0.003971 * p4 * p4 * p2 - 0.001529 * p4 * p4 * p4)
  local y = p * (1.007226 + 0.015085 * p2 - 0.044475 * p4 * p2 + 0.028874 * p4 * p4 - 0.005916 * p4 * p4 * p2)
  return CENTRE_X + SCALE * x, EQUATOR_Y - SCALE * y
end

-- The pixels of a line along a meridian or a parallel: x1, y1, x2, y2, ...
function projection.line(longitude, latitude, to_longitude, to_latitude)
  local points, steps = {}, 48
  for i = 0, steps do
    local t = i / steps
    local x, y = projection.project(longitude + (to_longitude - longitude) * t, latitude + (to_latitude - latitude) * t)
    points[#points + 1], points[#points + 2] = x, y
  end
  return points
end

return projection
