{
  "targets": [{
    "target_name": "sidelite",
    "sources": ["src/addon.c"],
    "include_dirs": ["../../include"],
    "cflags": ["-std=gnu11", "-Wall", "-Wextra"],
    "libraries": ["<(module_root_dir)/../../build/static/libsidelite.a", "-lpthread", "-ldl", "-lm"]
  }]
}
