module sglang-tpu/emulator/tools/language-go

go 1.26

require github.com/pulumi/pulumi/sdk/v3 v3.66.0
