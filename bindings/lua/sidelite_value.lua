-- Values on their way in, rows on their way out.
--
--   in    nil: NULL; boolean: 0 or 1; number: INTEGER if it is a whole one up to 2^53, else REAL; int64_t and uint64_t
--         cdata: INTEGER; double cdata: REAL; string: TEXT; sidelite.blob(bytes): BLOB
--   out   NULL: nil; INTEGER: a number up to 2^53, beyond it int64_t cdata, so that no digit is lost; REAL: a number;
--         TEXT: a string; BLOB: a blob, with its bytes in `bytes`

local ffi = require("ffi")
local library = require("sidelite_library")
local C = library.C

local EXACT = 2 ^ 53 -- up to here every whole number is a double
local INT64, UINT64, DOUBLE = ffi.typeof("int64_t"), ffi.typeof("uint64_t"), ffi.typeof("double")
local BYTES, VALUES = ffi.typeof("const char *"), ffi.typeof("const sidelite_value *")
local NULL, INTEGER, REAL, TEXT, BLOB =
  C.SIDELITE_NULL, C.SIDELITE_INTEGER, C.SIDELITE_REAL, C.SIDELITE_TEXT, C.SIDELITE_BLOB

local value = {}

local Blob = {}
Blob.__index = Blob
function Blob.__tostring(self) return self.bytes end
function Blob.__eq(a, b) return a.bytes == b.bytes end

-- Marks bytes that go in as BLOB. BLOBs come out as this, too, so that what is read and written again keeps its type.
function value.blob(bytes)
  if type(bytes) ~= "string" then error("sidelite.blob wants a string", 2) end
  return setmetatable({ bytes = bytes }, Blob)
end

local List = {}

-- A list of values that may end in nil, which no plain table can tell: `n` counts them.
function value.list(...)
  return setmetatable({ n = select("#", ...), ... }, List)
end

-- ---- In ----

local function bind_bytes(slot, kind, bytes)
  slot.type, slot.len, slot.as.data = kind, #bytes, bytes
end

local function bind_cdata(slot, number)
  if ffi.istype(DOUBLE, number) then
    slot.type, slot.as.real = REAL, number
  elseif ffi.istype(INT64, number) then
    slot.type, slot.as.integer = INTEGER, number
  elseif ffi.istype(UINT64, number) and number <= 0x7fffffffffffffffULL then
    slot.type, slot.as.integer = INTEGER, number
  else
    error("sidelite: this cdata is no value: " .. tostring(number), 0)
  end
end

-- Writes a value of Lua's into one of C's. Its bytes stay Lua's: `given` must be alive until submit has copied them.
local function bind(slot, given)
  local kind = type(given)
  slot.type, slot.len = NULL, 0
  if kind == "number" then
    if given == math.floor(given) and given <= EXACT and given >= -EXACT then
      slot.type, slot.as.integer = INTEGER, given
    else
      slot.type, slot.as.real = REAL, given
    end
  elseif kind == "string" then
    bind_bytes(slot, TEXT, given)
  elseif kind == "boolean" then
    slot.type, slot.as.integer = INTEGER, given and 1 or 0
  elseif kind == "cdata" then
    bind_cdata(slot, given)
  elseif kind == "table" and getmetatable(given) == Blob then
    bind_bytes(slot, BLOB, given.bytes)
  elseif kind ~= "nil" then
    error(("sidelite: a %s is no value"):format(kind), 0)
  end
end

local function length(list)
  return getmetatable(list) == List and list.n or table.maxn(list)
end

local function names_in(params)
  local names = {}
  if getmetatable(params) == List then return names end
  for key in pairs(params) do
    if type(key) == "string" then names[#names + 1] = key end
  end
  if #names > 0 and table.maxn(params) > 0 then
    error("sidelite: parameters are by position or by name, not both", 0)
  end
  return names
end

-- Fills a request with parameters: a list, or a table by name. Returns what must stay alive until it is submitted.
function value.bind_params(request, params)
  local names = names_in(params)
  local n = #names > 0 and #names or length(params)
  if n == 0 then return end
  local slots = ffi.new("sidelite_value[?]", n)
  for i = 1, n do bind(slots[i - 1], params[names[i] or i]) end
  request.values, request.ncols, request.nrows = slots, n, 1
  if #names == 0 then return slots end
  local pointers = ffi.new("const char *[?]", n, names)
  request.names = pointers
  return { slots, pointers, names }
end

-- Fills a request with many rows of values, all of them as long as the first.
function value.bind_rows(request, rows)
  local n = #rows > 0 and length(rows[1]) or 0
  if n == 0 then error("sidelite: rows want at least one value", 0) end
  local slots = ffi.new("sidelite_value[?]", n * #rows)
  for r, row in ipairs(rows) do
    local got = length(row)
    if got ~= n then error(("sidelite: row %d has %d values, the first has %d"):format(r, got, n), 0) end
    for i = 1, n do bind(slots[(r - 1) * n + i - 1], row[i]) end
  end
  request.values, request.ncols, request.nrows = slots, n, #rows
  return slots
end

-- ---- Out ----

-- An int64_t as a number where that is exact, else as it is.
function value.integer(integer)
  if integer <= 0x20000000000000LL and integer >= -0x20000000000000LL then return tonumber(integer) end
  return integer
end

local function read_bytes(result, cell)
  return ffi.string(ffi.cast(BYTES, result) + tonumber(cell.as.offset), cell.len)
end

local function read(result, cell)
  local kind = cell.type
  if kind == INTEGER then return value.integer(cell.as.integer) end
  if kind == REAL then return cell.as.real end
  if kind == TEXT then return read_bytes(result, cell) end
  if kind == BLOB then return setmetatable({ bytes = read_bytes(result, cell) }, Blob) end
end

local function cells_of(result)
  return ffi.cast(VALUES, ffi.cast(BYTES, result) + tonumber(result.values))
end

local function columns_of(result)
  local names, columns = ffi.cast(VALUES, ffi.cast(BYTES, result) + tonumber(result.names)), {}
  for i = 1, result.ncols do columns[i] = read_bytes(result, names[i - 1]) end
  return columns
end

local function row_by_name(result, cells, first, columns)
  local row = {}
  for i = 1, #columns do row[columns[i]] = read(result, cells[first + i - 1]) end
  return row
end

local function row_as_list(result, cells, first, columns)
  local row = { n = #columns }
  for i = 1, #columns do row[i] = read(result, cells[first + i - 1]) end
  return setmetatable(row, List)
end

local function tables(row_of)
  return function(result)
    local columns, cells = columns_of(result), cells_of(result)
    local rows = { n = result.nrows, columns = columns }
    for r = 1, result.nrows do rows[r] = row_of(result, cells, (r - 1) * #columns, columns) end
    return rows
  end
end

-- A look into the result's own memory: no table is made for a row, no string for a cell that is not asked for. Rows and
-- columns count from 1. It keeps the memory until it is collected, or until `release`.
local View = {}
View.__index = View

local function view(result)
  local kept = ffi.gc(C.sidelite_keep(result), C.sidelite_release)
  local n, ncols = result.nrows, result.ncols
  return setmetatable({ n = n, ncols = ncols, result = kept, cells = cells_of(result) }, View)
end

local function cell_at(self, row, column)
  if not self.cells then error("sidelite: this view was released", 3) end
  if row < 1 or row > self.n or column < 1 or column > self.ncols then
    error(("sidelite: no cell %s, %s in %d rows of %d columns"):format(row, column, self.n, self.ncols), 3)
  end
  return self.cells[(row - 1) * self.ncols + column - 1]
end

-- A cell as rows have it: nil, number, int64_t, string or blob.
function View:value(row, column)
  return read(self.result, cell_at(self, row, column))
end

-- An INTEGER cell, as a number or, beyond 2^53, an int64_t; nil for every other type.
function View:integer(row, column)
  local cell = cell_at(self, row, column)
  if cell.type == INTEGER then return value.integer(cell.as.integer) end
end

-- A REAL or INTEGER cell as the nearest number; nil for every other type.
function View:real(row, column)
  local cell = cell_at(self, row, column)
  if cell.type == REAL then return cell.as.real end
  if cell.type == INTEGER then return tonumber(cell.as.integer) end
end

-- A TEXT cell, or the bytes of a BLOB, as a string; nil for every other type.
function View:text(row, column)
  local cell = cell_at(self, row, column)
  if cell.type == TEXT or cell.type == BLOB then return read_bytes(self.result, cell) end
end

-- The names of the columns: a new table.
function View:columns()
  if not self.cells then error("sidelite: this view was released", 2) end
  return columns_of(self.result)
end

-- Gives the memory back at once, which the collector knows nothing about: worth it where many large ones come.
function View:release()
  if not self.cells then return end
  ffi.gc(self.result, nil)
  C.sidelite_release(self.result)
  self.result, self.cells = nil, nil
end

-- How rows come out: the option `rows` of a fetch or stream.
value.shapes = { name = tables(row_by_name), list = tables(row_as_list), view = view }

return value
