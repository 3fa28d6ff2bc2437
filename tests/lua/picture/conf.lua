function love.conf(t)
  t.window = nil
  for name in pairs(t.modules) do t.modules[name] = name == "image" or name == "event" end
end
