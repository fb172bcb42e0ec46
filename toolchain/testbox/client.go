package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const defaultTimeout = 5 * time.Second

// get prints the status and the body, and fails unless the status is below 400.
func get(arguments []string) error {
	flags := flag.NewFlagSet("get", flag.ContinueOnError)
	insecure := flags.Bool("insecure", false, "do not verify the server's certificate")
	header := flags.String("header", "", "one more header, NAME: VALUE")
	words, err := parseMixed(flags, arguments)
	if err != nil {
		return err
	}
	url, timeout, err := targetAndTimeout(words)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if name, value, found := strings.Cut(*header, ":"); found {
		request.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	client := http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: *insecure},
		},
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	fmt.Println(response.StatusCode)
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return errors.New(response.Status)
	}
	return nil
}

// resolve prints one address a line.
func resolve(arguments []string) error {
	name, timeout, err := targetAndTimeout(arguments)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(addresses, "\n"))
	return nil
}

// sleep ends early, and well, when told to: as process 1 it would otherwise
// ignore the signal and hold its pod up for the whole grace period.
func sleep(arguments []string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	var over <-chan time.Time
	if len(arguments) > 0 {
		duration, err := seconds(arguments[0])
		if err != nil {
			return err
		}
		over = time.After(duration)
	}
	select {
	case <-stop:
	case <-over:
	}
	return nil
}

func targetAndTimeout(words []string) (string, time.Duration, error) {
	switch len(words) {
	case 1:
		return words[0], defaultTimeout, nil
	case 2:
		timeout, err := seconds(words[1])
		return words[0], timeout, err
	default:
		return "", 0, errors.New("expected TARGET [TIMEOUT]")
	}
}

// seconds reads 2, 0.5 or 500ms.
func seconds(text string) (time.Duration, error) {
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Duration(number * float64(time.Second)), nil
	}
	return time.ParseDuration(text)
}

// parseMixed lets flags stand before, between and after the other words.
func parseMixed(flags *flag.FlagSet, arguments []string) ([]string, error) {
	var words []string
	for {
		if err := flags.Parse(arguments); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return words, nil
		}
		words = append(words, flags.Arg(0))
		arguments = flags.Args()[1:]
	}
}
