package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"sync"
)

type kind string

const (
	// add writes a key that nobody else writes, so it can be read back for ever.
	add kind = "add"
	// The others share few keys.
	put kind = "put"
	cas kind = "cas"
	get kind = "get"
)

// operation is one line of a history. Times are nanoseconds since 1970.
type operation struct {
	Client int    `json:"client"`
	Kind   kind   `json:"kind"`
	Key    string `json:"key"`
	// Value is what it writes; no two writes of a history have the same.
	Value string `json:"value,omitempty"`
	// Expected is what a cas wants to find; empty: no key.
	Expected string `json:"expected,omitempty"`
	Call     int64  `json:"call"`
	Return   int64  `json:"return"`
	// Acknowledged: answered. Otherwise nobody knows whether it was done or will be.
	Acknowledged bool `json:"acknowledged"`
	// Found is what a get read, or the cas that did not find what it expected.
	Found   string `json:"found,omitempty"`
	Swapped bool   `json:"swapped,omitempty"`
	// Revision is the cluster's when it answered.
	Revision int64  `json:"revision,omitempty"`
	Error    string `json:"error,omitempty"`
}

// writes tells whether the operation, if it was done, left its value.
func (o operation) writes() bool {
	return o.Kind == add || o.Kind == put || o.Kind == cas && (o.Swapped || !o.Acknowledged)
}

// journal appends to a history; each line is whole when append returns.
type journal struct {
	lock sync.Mutex
	file *os.File
}

func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return &journal{file: file}, err
}

func (j *journal) append(done operation) error {
	line, err := json.Marshal(done)
	if err != nil {
		return err
	}
	j.lock.Lock()
	defer j.lock.Unlock()
	_, err = j.file.Write(append(line, '\n'))
	return err
}

func readHistory(path string) ([]operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var history []operation
	for lines := bufio.NewScanner(file); ; {
		if !lines.Scan() {
			if len(history) == 0 && lines.Err() == nil {
				return nil, errors.New("an empty history proves nothing")
			}
			return history, lines.Err()
		}
		var one operation
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, err
		}
		history = append(history, one)
	}
}
