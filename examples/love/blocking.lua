-- What the scene would be with synchronous calls: each waits inside of the frame until it has ended. Whatever is called
-- stays the same, so that the scene is the same line by line.

local blocking

local function method(queue, object, name)
  return function(_, ...)
    local n, arguments = select("#", ...), { ... }
    local result = queue:wait(function() return object[name](object, unpack(arguments, 1, n)) end)
    return type(result) == "table" and result.chunk and blocking(queue, result) or result
  end
end

-- A connection or a stream whose methods block.
function blocking(queue, object)
  return setmetatable({}, { __index = function(_, name) return method(queue, object, name) end })
end

return blocking
