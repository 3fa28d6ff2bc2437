function love.conf(t)
  t.identity = "sidelite-cities"
  t.version = "11.4"
  t.window.title = "34,006 cities"
  t.window.width, t.window.height = 1280, 720
  t.window.vsync = 0 -- pace.lua keeps the time, also where no screen does
  for _, name in ipairs({ "audio", "joystick", "physics", "sound", "touch", "video" }) do t.modules[name] = false end
end
