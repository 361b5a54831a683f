module sglang-tpu/emulator/tools/golangci-lint

go 1.26

require github.com/golangci/golangci-lint/v2 v2.6.2
