-- The database of the scene: cities come in, stream out, are searched and written to, on three connections and from one
-- thread. Nothing here waits but coroutines.

local sidelite = require("sidelite")
local blocking = require("blocking")
local csv = require("csv")
local tasks = require("tasks")

local Atlas = {}
Atlas.__index = Atlas

local IMPORT_ROWS = 250  -- of one transaction, one in each frame
local STREAM_ROWS = 200  -- of one chunk, one in each frame: as fast as the eye may follow, not as fast as it could
local VISITS = 20        -- of one transaction, one in each frame
local LISTED = 7         -- hits for which the neighbours are counted
local NEAR_KM = 100

local SCHEMA = [[
  CREATE TABLE country(code TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL REFERENCES country,
                    latitude REAL NOT NULL, longitude REAL NOT NULL, population INTEGER NOT NULL,
                    visits INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE visit(city INTEGER NOT NULL REFERENCES city, at REAL NOT NULL);
]]

-- From the east to the west, as the day comes.
local SUNRISE = "SELECT id, longitude, latitude, population FROM city ORDER BY longitude DESC"

local BY_PREFIX = [[
  SELECT city.name, country.name, population, longitude, latitude FROM city JOIN country ON code = country
  WHERE city.name LIKE ? ESCAPE '\' ORDER BY population DESC]]

-- Great circles to all cities, without an index: slow enough that the next key comes before it has ended.
local NEIGHBOURS = [[
  SELECT sum(population) FROM city
  WHERE acos(min(1, sin(radians(latitude)) * sin(radians(:latitude)) + cos(radians(latitude)) * cos(radians(:latitude))
                    * cos(radians(longitude - :longitude)))) * 6371 < :km]]

-- `folder` has the CSV files, `path` is of a new file. With `sync` every call waits for its end.
function Atlas.new(folder, path, sync)
  return setmetatable({
    folder = folder, path = path, sync = sync, queue = sidelite.queue(),
    imported = 0, rows = 0, writes = 0, transactions = 0, searches = 0, cancelled = 0, connections = {},
  }, Atlas)
end

function Atlas:connect(options)
  local function open() return sidelite.open(self.queue, self.path, options) end
  local db = self.sync and self.queue:wait(open) or not self.sync and open()
  table.insert(self.connections, db)
  return self.sync and blocking(self.queue, db) or db
end

function Atlas:import_countries()
  local rows = {}
  for record in csv.records(self.folder .. "/countries.csv") do rows[#rows + 1] = { record[1], record[2] } end
  self.writer:batch({ { "INSERT INTO country VALUES (?, ?)", rows = rows } })
end

function Atlas:import_batch(rows)
  self.writer:batch({ {
    "INSERT INTO city(name, country, latitude, longitude, population) VALUES (?, ?, ?, ?, ?)", rows = rows,
  } })
  self.imported = self.imported + #rows
end

function Atlas:import_cities()
  local rows = {}
  for _, name, latitude, longitude, country, _, population in self:cities() do
    rows[#rows + 1] = { name, country, tonumber(latitude), tonumber(longitude), tonumber(population) }
    if #rows == IMPORT_ROWS then
      self:import_batch(rows)
      rows = {}
      tasks.next_frame()
    end
  end
  self:import_batch(rows)
end

function Atlas:cities()
  local records = csv.records(self.folder .. "/cities.csv")
  return function()
    local record = records()
    if record then return unpack(record) end
  end
end

-- Calls each(chunk) with views of SUNRISE's rows, one a frame.
function Atlas:sunrise(each)
  local stream = self.reader:stream(SUNRISE, nil, { rows = "view", chunk_rows = STREAM_ROWS })
  self.stream_began = love.timer.getTime()
  for chunk in function() return stream:chunk() end do
    self.rows = self.rows + chunk.n
    self.stream_seconds = love.timer.getTime() - self.stream_began
    each(chunk)
    chunk:release()
    tasks.next_frame()
  end
  self.is_streamed = true
end

-- Writes visits of random cities for ever, a transaction in each frame, and calls each(id) with one city of it.
function Atlas:travel(each)
  while not self.closing do
    local visits, ids, now = {}, {}, love.timer.getTime()
    for i = 1, VISITS do
      local id = love.math.random(self.imported)
      visits[i], ids[i] = { id, now }, { id }
    end
    self.writer:batch({
      { "INSERT INTO visit VALUES (?, ?)", rows = visits },
      { "UPDATE city SET visits = visits + 1 WHERE id = ?", rows = ids },
    })
    self.writes, self.transactions = self.writes + 2 * VISITS, self.transactions + 1
    each(ids[1][1])
    tasks.next_frame()
  end
end

-- Opens the database, fills it, and starts all that goes on by itself.
function Atlas:start(on_chunk, on_visit)
  tasks.spawn(function()
    self.writer = self:connect({ journal = "wal" })
    self.writer:script(SCHEMA)
    self.reader, self.finder = self:connect({ readonly = true }), self:connect({ readonly = true })
    self:import_countries()
    self:import_cities()
    tasks.spawn(function() self:travel(on_visit) end)
    self:sunrise(on_chunk)
  end)
end

function Atlas:count_neighbours(search)
  for i = 1, math.min(LISTED, search.hits.n) do
    local near = self.finder:fetch(NEIGHBOURS, {
      longitude = search.hits:real(i, 4), latitude = search.hits:real(i, 5), km = NEAR_KM,
    }, { rows = "list" })
    search.near[i] = near[1][1]
  end
end

local function pattern(prefix)
  return prefix:gsub("[%%_\\]", "\\%0") .. "%"
end

-- Searches for names that begin with `prefix`; what an earlier key has asked for is cancelled. found(search) is called
-- with { text, hits, near, ms }: `hits` is a view, `near` fills as the neighbours of the first are counted, and then it
-- `is_done`.
function Atlas:search(prefix, found)
  if not self.finder then return end
  self.finder:cancel()
  if prefix == "" then return found(nil) end
  self.searches = self.searches + 1
  tasks.spawn(function()
    local began = love.timer.getTime()
    local search = { text = prefix, near = {} }
    local ok, err = pcall(function()
      search.hits = self.finder:fetch(BY_PREFIX, { pattern(prefix) }, { rows = "view" })
      search.ms = (love.timer.getTime() - began) * 1e3
      found(search)
      self:count_neighbours(search)
      search.is_done = true
    end)
    if ok then return end
    if type(err) ~= "table" or err.name ~= "SIDELITE_ERR_CANCELLED" then error(err, 0) end
    self.cancelled = self.cancelled + 1
  end)
end

-- Hands out what is there, for at most `budget_us` microseconds of this frame.
function Atlas:dispatch(budget_us)
  self.queue:dispatch(nil, budget_us)
end

-- Waits for the connections to close, and removes the file.
function Atlas:close()
  self.closing = true
  self.queue.on_error = function() end -- what is cancelled now is meant to be
  self.queue:wait(function()
    for _, db in ipairs(self.connections) do db:close("cancel") end
  end)
  self.queue:free()
  for _, suffix in ipairs({ "", "-wal", "-shm" }) do os.remove(self.path .. suffix) end
end

return Atlas
