// Fallible-disk mounts a folder over FUSE as a disk whose power can be cut: what was written but
// not synced is gone then. It can lie about syncs, and it can take its time over them.
//
// It takes commands on stdin, one a line, and answers each with a line of JSON. It unmounts and
// ends when stdin does, so that no mount outlives whoever asked for it.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	delay := flag.Duration("sync-delay", 0, "how long each fsync and fdatasync takes")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: fallible-disk [--sync-delay 2ms] BACKING MOUNT")
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	// A terminal's ctrl-C reaches whoever holds stdin too, and that one decides.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := run(flag.Arg(0), flag.Arg(1), *delay); err != nil {
		fmt.Fprintln(os.Stderr, "fallible-disk:", err)
		os.Exit(1)
	}
}

func run(backing, mount string, delay time.Duration) error {
	disk := &disk{delay: delay, dirty: map[*node]struct{}{}}
	var stat syscall.Stat_t
	if err := syscall.Stat(backing, &stat); err != nil {
		return err
	}
	root := &fs.LoopbackRoot{Path: backing, Dev: uint64(stat.Dev)}
	root.NewNode = func(*fs.LoopbackRoot, *fs.Inode, string, *syscall.Stat_t) fs.InodeEmbedder {
		return &node{LoopbackNode: fs.LoopbackNode{RootData: root}, disk: disk}
	}
	_, err := fs.Mount(mount, root.NewNode(root, nil, "", &stat), &fs.Options{
		MountOptions: fuse.MountOptions{
			FsName:            "fallible-disk",
			DirectMountStrict: true,
		},
	})
	if err != nil {
		return err
	}
	answers := json.NewEncoder(os.Stdout)
	fail := answers.Encode(map[string]string{"mounted": mount})
	commands := bufio.NewScanner(os.Stdin)
	for fail == nil && commands.Scan() {
		var answer any
		if answer, fail = disk.obey(commands.Text()); fail == nil {
			fail = answers.Encode(answer)
		}
	}
	// Detached, should somebody still be in there. Its end is not waited for: a mount namespace made
	// meanwhile holds a copy of the mount, which dies with this process.
	if err := syscall.Unmount(mount, syscall.MNT_DETACH); err != nil {
		return err
	}
	return fail
}

func (disk *disk) obey(command string) (any, error) {
	switch command {
	case "cut":
		return disk.cut()
	case "lie", "behave":
		disk.lies.Store(command == "lie")
		return map[string]bool{"lies": command == "lie"}, nil
	case "count":
		return map[string]int64{"writes": disk.writes.Load(), "syncs": disk.syncs.Load()}, nil
	}
	return nil, fmt.Errorf("unknown command %q", command)
}
