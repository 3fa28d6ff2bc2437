-- Records of a CSV text, with a header, as far as the files of GeoNames need it: quotes, but no line breaks in them.

local csv = {}

local function fields(line)
  if not line:find('"', 1, true) then
    local list = {}
    for field in (line .. ","):gmatch("([^,]*),") do list[#list + 1] = field end
    return list
  end
  local list, at = {}, 1
  while at <= #line + 1 do
    local quoted, after = line:match('^"([^"]*)"()', at)
    if not quoted then quoted, after = line:match("^([^,]*)()", at) end
    list[#list + 1], at = quoted, after + 1
  end
  return list
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- Iterates over the records, as lists of strings.
function csv.records(path)
  local lines = read(path):gmatch("([^\r\n]+)")
  lines() -- the header
  return function()
    local line = lines()
    return line and fields(line)
  end
end

return csv
