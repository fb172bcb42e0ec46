module kilonode.example/toolchain/pause

go 1.26.0
