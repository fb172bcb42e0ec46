package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// cluster is where an etcd answers, and with which certificate.
type cluster struct {
	endpoints *string
	pki       *string
}

func clusterFlags(flags *flag.FlagSet) cluster {
	return cluster{
		endpoints: flags.String("endpoints", "", "URLs of the members, with commas between"),
		pki:       flags.String("pki", "", "folder of ca.crt, member.crt and member.key"),
	}
}

func (c cluster) connect() (*clientv3.Client, error) {
	trust, err := clientTLS(*c.pki)
	if err != nil {
		return nil, err
	}
	return clientv3.New(clientv3.Config{
		Endpoints:            strings.Split(*c.endpoints, ","),
		TLS:                  trust,
		DialKeepAliveTime:    2 * time.Second,
		DialKeepAliveTimeout: 2 * time.Second,
		// Members die here on purpose; the history says what that did.
		Logger: zap.NewNop(),
	})
}

func clientTLS(pki string) (*tls.Config, error) {
	authority, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("ca.crt holds no certificate")
	}
	own, err := tls.LoadX509KeyPair(
		filepath.Join(pki, "member.crt"), filepath.Join(pki, "member.key"),
	)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}, err
}
