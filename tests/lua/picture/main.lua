-- Says what a picture is like: love tests/lua/picture FILE prints its width, its height, and how many colours it has.

function love.load(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local data = love.image.newImageData(love.filesystem.newFileData(file:read("*a"), "picture.png"))
  file:close()
  local colours, count = {}, 0
  data:mapPixel(function(_, _, r, g, b, a)
    local colour = math.floor(r * 255) * 65536 + math.floor(g * 255) * 256 + math.floor(b * 255)
    if not colours[colour] then colours[colour], count = true, count + 1 end
    return r, g, b, a
  end)
  print(data:getWidth(), data:getHeight(), count)
  love.event.quit()
end
