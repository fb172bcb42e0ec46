package main

import (
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
)

const (
	pageSize = 4096
	// A length: to wherever the file ends.
	toTheEnd = -1
)

// undo is what a file was when it was last synced, where it is another now.
type undo struct {
	backing *os.File
	size    int64
	pages   map[int64][]byte
}

// change keeps what is about to be overwritten, unless an earlier version of it is kept already.
func (n *node) change(offset, length int64, write func() syscall.Errno) syscall.Errno {
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.undo == nil {
		begun, err := begin(n.path())
		if errors.Is(err, os.ErrNotExist) {
			// Deleted, but still open: nobody will find it after a cut.
			return write()
		}
		if err != nil {
			return fs.ToErrno(err)
		}
		n.undo = begun
		n.disk.lock.Lock()
		n.disk.dirty[n] = struct{}{}
		n.disk.lock.Unlock()
	}
	end := offset + length
	if length == toTheEnd || end > n.undo.size {
		end = n.undo.size
	}
	if err := n.undo.keep(offset, end); err != nil {
		return fs.ToErrno(err)
	}
	return write()
}

// synced forgets what was: this is what a cut leaves from now on.
func (n *node) synced() {
	n.lock.Lock()
	defer n.lock.Unlock()
	n.forget()
}

func (n *node) forget() {
	if n.undo == nil {
		return
	}
	_ = n.undo.backing.Close()
	n.undo = nil
	n.disk.lock.Lock()
	delete(n.disk.dirty, n)
	n.disk.lock.Unlock()
}

// revert gives the number of bytes that are as they were again.
func (n *node) revert() (int64, error) {
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.undo == nil {
		return 0, nil
	}
	reverted, err := n.undo.apply()
	n.forget()
	return reverted, err
}

// cut loses everything that was not synced. Whoever had files open must be gone.
func (disk *disk) cut() (any, error) {
	disk.lock.Lock()
	var dirty []*node
	for each := range disk.dirty {
		dirty = append(dirty, each)
	}
	disk.lock.Unlock()
	var lost int64
	for _, each := range dirty {
		bytes, err := each.revert()
		if err != nil {
			return nil, err
		}
		lost += bytes
	}
	return map[string]int64{"files": int64(len(dirty)), "bytes": lost}, nil
}

func begin(path string) (*undo, error) {
	backing, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	stat, err := backing.Stat()
	if err != nil {
		return nil, err
	}
	return &undo{backing, stat.Size(), map[int64][]byte{}}, nil
}

func (u *undo) keep(offset, end int64) error {
	for page := offset / pageSize; page*pageSize < end; page++ {
		if _, kept := u.pages[page]; kept {
			continue
		}
		content := make([]byte, pageSize)
		length, err := u.backing.ReadAt(content, page*pageSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		u.pages[page] = content[:length]
	}
	return nil
}

func (u *undo) apply() (int64, error) {
	stat, err := u.backing.Stat()
	if err != nil {
		return 0, err
	}
	reverted := max(stat.Size()-u.size, 0)
	for page, content := range u.pages {
		if _, err := u.backing.WriteAt(content, page*pageSize); err != nil {
			return 0, err
		}
		reverted += int64(len(content))
	}
	return reverted, u.backing.Truncate(u.size)
}
