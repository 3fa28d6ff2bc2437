-- A visitor who is always the same: types, reads, looks; leaves pictures and numbers behind.

local pace = require("pace")

local Script = {}
Script.__index = Script

local BETWEEN_KEYS = 0.06 -- seconds, of a quick typist

-- A step of the script: at which second it is due, what it does, and what it waits for, on machines that need longer.
local function step(steps, at, action, is_ready)
  steps[#steps + 1] = { at = at, action = action, is_ready = is_ready }
end

-- Types a text, key by key, or all keys at once.
local function type_keys(steps, at, text, gap)
  for i = 1, #text do
    local key = text:sub(i, i)
    step(steps, at + (i - 1) * gap, function() love.handlers.textinput(key) end)
  end
end

local function erase(steps, at, count)
  local function press() love.handlers.keypressed("backspace", "backspace", false) end
  for i = 1, count do step(steps, at + (i - 1) * BETWEEN_KEYS, press) end
end

-- `folder` gets the pictures. `world` has finish(), called at the end, and is_half(), is_all() and is_answered(), which
-- tell of the cities and of the search.
function Script.new(folder, world)
  local steps = {}
  local script = setmetatable({ folder = folder, pictures = {}, steps = steps, next = 1 }, Script)
  local function picture(name) return function() script:take_picture(name) end end
  step(steps, 3.9, picture("streaming"), world.is_half)
  type_keys(steps, 4.2, "san", BETWEEN_KEYS)
  step(steps, 6.4, picture("search"), function() return world.is_all() and world.is_answered() end)
  erase(steps, 6.6, 3)
  type_keys(steps, 7.2, "par", BETWEEN_KEYS)
  step(steps, 8.3, function() end, world.is_answered)
  type_keys(steps, 8.4, "is", 0) -- pasted: both keys in one frame
  step(steps, 9.4, picture("end"), world.is_answered)
  erase(steps, 9.6, 5)
  step(steps, 10.5, world.finish)
  return script
end

-- Encoding one takes many frames' time: that is done when nobody counts any more.
function Script:take_picture(name)
  love.graphics.captureScreenshot(function(image) self.pictures[name] = image end)
end

function Script:update()
  local now = love.timer.getTime()
  self.began = self.began or now
  local due = self.steps[self.next]
  while due and now - self.began >= due.at do
    if due.is_ready and not due.is_ready() then
      self.began = now - due.at -- its time stands still
      return
    end
    self.next = self.next + 1
    due.action()
    due = self.steps[self.next]
  end
end

function Script:save_pictures()
  for name, image in pairs(self.pictures) do
    local file = assert(io.open(self.folder .. "/" .. name .. ".png", "wb"))
    file:write(image:encode("png"):getString())
    file:close()
  end
end

local function say(name, format, ...)
  print(("%-18s " .. format):format(name, ...))
end

-- Prints the statistics: a name and a value in each line, between "statistics" and "end".
function Script.print_statistics(atlas, found, elapsed)
  local work, time = pace.summary(pace.works), pace.summary(pace.times)
  print("statistics")
  say("mode", "%s", atlas.sync and "sync" or "async")
  say("frames", "%d", #pace.works)
  say("frames_a_second", "%.1f", #pace.works / elapsed)
  say("frame_ms_median", "%.2f", time.median)
  say("frame_ms_p99", "%.2f", time.p99)
  say("frame_ms_worst", "%.2f", time.worst)
  say("frames_late", "%d", time.late)
  say("work_ms_median", "%.2f", work.median)
  say("work_ms_p99", "%.2f", work.p99)
  say("work_ms_worst", "%.2f", work.worst)
  say("imported", "%d", atlas.imported)
  say("rows", "%d", atlas.rows)
  say("rows_a_second", "%.0f", atlas.rows / atlas.stream_seconds)
  say("rows_written", "%d", atlas.writes)
  say("written_a_second", "%.0f", atlas.writes / elapsed)
  say("transactions", "%d", atlas.transactions)
  say("searches", "%d", atlas.searches)
  say("cancelled", "%d", atlas.cancelled)
  for _, search in ipairs(found) do say("found_" .. search.text, "%d %s", search.hits.n, search.hits:text(1, 1)) end
  print("end")
end

return Script
