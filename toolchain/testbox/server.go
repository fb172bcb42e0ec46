package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

// serve is a web server, an admission webhook and an aggregated API in one.
func serve(arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	certificate := flags.String("tls-cert", "", "certificate file; with it, HTTPS")
	key := flags.String("tls-key", "", "key file")
	words, err := parseMixed(flags, arguments)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", hostname)
	mux.HandleFunc("GET /healthz", hostname)
	mux.HandleFunc("POST /mutate", review(mutate))
	mux.HandleFunc("POST /validate", review(validate))
	mux.HandleFunc("GET /apis", groups)
	mux.HandleFunc("GET /apis/{group}", group)
	mux.HandleFunc("GET /apis/{group}/{version}", resources)
	mux.HandleFunc("GET /apis/{group}/{version}/greetings", greetings)
	return listen(words, logged(mux), *certificate, *key)
}

// httpListen answers whatever it is asked with the question.
func httpListen(arguments []string) error {
	echo := func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprintln(writer, request.Method, request.URL.Path)
	}
	return listen(arguments, logged(http.HandlerFunc(echo)), "", "")
}

func listen(words []string, handler http.Handler, certificate, key string) error {
	if len(words) != 1 {
		return errors.New("expected PORT")
	}
	endWhenTold()
	server := &http.Server{Addr: ":" + words[0], Handler: handler}
	if certificate != "" {
		return server.ListenAndServeTLS(certificate, key)
	}
	return server.ListenAndServe()
}

// endWhenTold exists because process 1 ignores signals it does not handle.
func endWhenTold() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-stop
		os.Exit(0)
	}()
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		log.Println(request.RemoteAddr, request.Method, request.URL.Path)
		next.ServeHTTP(writer, request)
	})
}

func hostname(writer http.ResponseWriter, _ *http.Request) {
	name, err := os.Hostname()
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(writer, name)
}

func writeJSON(writer http.ResponseWriter, value any) {
	writer.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(writer).Encode(value); err != nil {
		log.Println(err)
	}
}
