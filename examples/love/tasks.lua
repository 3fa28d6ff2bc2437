-- Coroutines that go on with the next frame.

local tasks = {}

local sleeping = {}

-- Ends the task's turn in this frame.
function tasks.next_frame()
  table.insert(sleeping, coroutine.running())
  coroutine.yield()
end

local function resume(task)
  local ok, err = coroutine.resume(task)
  if not ok then error(debug.traceback(task, tostring(err)), 0) end
end

function tasks.spawn(body)
  resume(coroutine.create(body))
end

-- Wakes the tasks that wait for this frame.
function tasks.step()
  local due = sleeping
  sleeping = {}
  for _, task in ipairs(due) do resume(task) end
end

return tasks
