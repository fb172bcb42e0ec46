package main

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// disk is what all its files have in common.
type disk struct {
	delay         time.Duration
	lies          atomic.Bool
	writes, syncs atomic.Int64

	lock sync.Mutex
	// Files with something in them that was not synced.
	dirty map[*node]struct{}
}

// node is a file or a folder. Folders are durable at once, as a journal makes them soon: it is
// files' contents and sizes that a database has to sync.
type node struct {
	fs.LoopbackNode
	disk *disk

	lock sync.Mutex
	undo *undo
}

// file is an open one.
type file struct {
	*fs.LoopbackFile
	node *node
}

func (n *node) path() string {
	return filepath.Join(n.RootData.Path, n.Path(n.Root()))
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	var opened *os.File
	open := func() syscall.Errno {
		var err error
		// The kernel sends the offset of every write, so it has appended already.
		opened, err = os.OpenFile(n.path(), int(flags)&^syscall.O_APPEND, 0)
		return fs.ToErrno(err)
	}
	errno := fs.OK
	if flags&syscall.O_TRUNC != 0 {
		errno = n.change(0, toTheEnd, open)
	} else {
		errno = open()
	}
	if errno != fs.OK {
		return nil, 0, errno
	}
	return &file{fs.NewLoopbackFileFromOS(opened), n}, 0, fs.OK
}

func (n *node) Create(
	ctx context.Context, name string, flags uint32, mode uint32, out *fuse.EntryOut,
) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, handle, fuseFlags, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	if errno != fs.OK {
		return nil, nil, 0, errno
	}
	child := inode.Operations().(*node)
	return inode, &file{handle.(*fs.LoopbackFile), child}, fuseFlags, errno
}

func (n *node) Setattr(
	ctx context.Context, handle fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut,
) syscall.Errno {
	if opened, ok := handle.(*file); ok {
		handle = opened.LoopbackFile
	}
	set := func() syscall.Errno { return n.LoopbackNode.Setattr(ctx, handle, in, out) }
	if size, resized := in.GetSize(); resized {
		return n.change(int64(size), toTheEnd, set)
	}
	return set()
}

func (n *node) Getattr(ctx context.Context, handle fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if opened, ok := handle.(*file); ok {
		handle = opened.LoopbackFile
	}
	return n.LoopbackNode.Getattr(ctx, handle, out)
}

// CopyFileRange is left to the kernel, which reads and writes instead.
func (n *node) CopyFileRange(
	context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64,
) (uint32, syscall.Errno) {
	return 0, syscall.ENOSYS
}

// PassthroughFd refuses the kernel a way round this disk.
func (f *file) PassthroughFd() (int, bool) {
	return 0, false
}

func (f *file) Write(ctx context.Context, data []byte, offset int64) (uint32, syscall.Errno) {
	f.node.disk.writes.Add(1)
	var written uint32
	errno := f.node.change(offset, int64(len(data)), func() (errno syscall.Errno) {
		written, errno = f.LoopbackFile.Write(ctx, data, offset)
		return errno
	})
	return written, errno
}

func (f *file) Allocate(ctx context.Context, offset, size uint64, mode uint32) syscall.Errno {
	return f.node.change(int64(offset), int64(size), func() syscall.Errno {
		return f.LoopbackFile.Allocate(ctx, offset, size, mode)
	})
}

// Fsync makes durable on this disk, whose power is cut by a command: the disk below has no part in
// that, and would only add its own delay. It also stands for fdatasync.
func (f *file) Fsync(context.Context, uint32) syscall.Errno {
	disk := f.node.disk
	disk.syncs.Add(1)
	if !disk.lies.Load() {
		f.node.synced()
	}
	return wait(disk.delay)
}

// wait is as exact as the kernel: Go's own timers are late by up to a millisecond.
func wait(delay time.Duration) syscall.Errno {
	if delay == 0 {
		return fs.OK
	}
	left := unix.NsecToTimespec(delay.Nanoseconds())
	for {
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &left, &left)
		if err != unix.EINTR {
			return fs.ToErrno(err)
		}
	}
}
