module sglang-tpu/emulator/tools/gofumpt

go 1.26

require mvdan.cc/gofumpt v0.9.1
