// A Kubernetes API server for tests: etcd and kube-apiserver in a single process, without controllers or kubelets.
//
// Usage: apiserver FOLDER [flag of kube-apiserver]...
//
// All that it keeps is in FOLDER. It listens on a free port of the loopback interface and writes FOLDER/kubeconfig,
// for an administrator, when it answers. It ends on SIGTERM; started again in the same folder, it has the same objects.
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// Names are relative to FOLDER, into which the process changes: the path of a socket may have 107 bytes only.
const (
	etcdSocket  = "etcd.sock"
	peerSocket  = "peer.sock"
	certificate = "pki/apiserver.crt" // made by kube-apiserver, signed by itself
	key         = "pki/apiserver.key"
	tokens      = "tokens.csv"
	config      = "kubeconfig"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: apiserver FOLDER [flag of kube-apiserver]...")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func serve(folder string, more []string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := os.Chdir(folder); err != nil {
		return err
	}
	_ = os.Remove(config) // whoever started us waits until it is there
	token := rand.Text()
	if err := os.WriteFile(tokens, fmt.Appendf(nil, "%s,administrator,1,system:masters\n", token), 0o600); err != nil {
		return err
	}
	store, err := openStore()
	if err != nil {
		return fmt.Errorf("etcd does not start: %w", err)
	}
	defer store.Close()
	port, err := freePort()
	if err != nil {
		return err
	}
	command := app.NewAPIServerCommand()
	command.SetArgs(append(arguments(port), more...))
	ctx := command.Context() // done on SIGTERM and SIGINT
	go func() {
		address := "https://" + net.JoinHostPort("127.0.0.1", port)
		if waitUntilReady(ctx, address) {
			if err := writeConfig(address, token); err != nil {
				fmt.Fprintln(os.Stderr, "apiserver:", err)
				os.Exit(1)
			}
		}
	}()
	return command.Execute()
}

// openStore starts etcd on sockets, so that it needs no ports of its own.
func openStore() (*embed.Etcd, error) {
	options := embed.NewConfig()
	options.Dir = "etcd"
	options.LogLevel = "fatal"
	options.ListenClientUrls = []url.URL{{Scheme: "unix", Host: etcdSocket}}
	options.ListenPeerUrls = []url.URL{{Scheme: "unix", Host: peerSocket}}
	options.UnsafeNoFsync = true        // nobody needs these objects after a power cut
	options.QuotaBackendBytes = 8 << 30 // the benchmark's objects take more than the default of 2 GiB while they are written
	store, err := embed.StartEtcd(options)
	if err != nil {
		return nil, err
	}
	select {
	case <-store.Server.ReadyNotify():
		return store, nil
	case err := <-store.Err():
		store.Close()
		return nil, err
	case <-time.After(30 * time.Second):
		store.Close()
		return nil, errors.New("still not ready after 30 s")
	}
}

// freePort finds a port: kube-apiserver makes no certificate for --secure-port=0.
func freePort() (string, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

func arguments(port string) []string {
	return []string{
		"--etcd-servers=unix://" + etcdSocket,
		"--bind-address=127.0.0.1",
		"--secure-port=" + port,
		"--cert-dir=pki",
		"--token-auth-file=" + tokens,
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key, // one key for both purposes is enough here
		"--service-account-signing-key-file=" + key,
		"--disable-admission-plugins=ServiceAccount", // it wants accounts that only a controller makes
		"--endpoint-reconciler-type=none",
		"--allow-privileged=true",
	}
}

func waitUntilReady(ctx context.Context, address string) bool {
	// The answer tells only that it is time to write the kubeconfig, so whose it is does not matter.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	client := http.Client{Transport: transport, Timeout: 2 * time.Second}
	for ctx.Err() == nil {
		if answer, err := client.Get(address + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return true
			}
		}
		time.Sleep(40 * time.Millisecond)
	}
	return false
}

func writeConfig(address, token string) error {
	authority, err := os.ReadFile(certificate)
	if err != nil {
		return err
	}
	type object = map[string]any
	content, err := json.Marshal(object{ // JSON is YAML; []byte becomes base64
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []object{{"name": "test", "cluster": object{"server": address, "certificate-authority-data": authority}}},
		"users":           []object{{"name": "administrator", "user": object{"token": token}}},
		"contexts":        []object{{"name": "test", "context": object{"cluster": "test", "user": "administrator"}}},
		"current-context": "test",
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(config+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(config+".new", config) // a file that is there is whole
}
