module kilonode.example/toolchain/testbox

go 1.26.0
