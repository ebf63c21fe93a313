// story tells what a scheduler and an executor on mesos-go have to say to a cluster, in protobuf or in JSON.
//
//	story -codec protobuf|json -master HOST:PORT -self URI    the scheduler; URI is where this program can be fetched
//	story -codec protobuf|json -executor                      its executor
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
)

var (
	codecName  = flag.String("codec", "protobuf", "protobuf or json")
	master     = flag.String("master", "", "host and port of the master")
	self       = flag.String("self", "", "where this program can be fetched")
	isExecutor = flag.Bool("executor", false, "be the executor")
)

var errDone = errors.New("the story has ended well")

func main() {
	flag.Parse()
	log.SetFlags(log.Lmicroseconds)
	log.SetOutput(os.Stdout)
	codec := codecs.ByMediaType[codecs.MediaTypeProtobuf]
	if *codecName == "json" {
		codec = codecs.ByMediaType[codecs.MediaTypeJSON]
	}
	tell := runScheduler
	if *isExecutor {
		tell = runExecutor
	}
	ctx, cancel := context.WithTimeout(context.Background(), 240*time.Second)
	defer cancel()
	if err := tell(ctx, codec); err != errDone {
		log.Fatalf("FAILED: %v", err)
	}
	fmt.Println(errDone)
}

type teller func(context.Context, encoding.Codec) error

var _, _ teller = runScheduler, runExecutor

func text(value string) *string { return &value }

func scalar(name string, value float64) mesos.Resource {
	kind := mesos.SCALAR
	return mesos.Resource{Name: name, Type: &kind, Scalar: &mesos.Value_Scalar{Value: value}}
}
