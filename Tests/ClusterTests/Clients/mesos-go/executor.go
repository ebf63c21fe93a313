package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/executor/calls"
	"github.com/mesos/mesos-go/api/v1/lib/executor/config"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpexec"
)

// runExecutor reports its tasks as running, echoes messages, and ends tasks when they are killed.
func runExecutor(ctx context.Context, codec encoding.Codec) error {
	settings, err := config.FromEnv()
	if err != nil {
		return err
	}
	client := httpcli.New(
		httpcli.Endpoint("http://"+settings.AgentEndpoint+"/api/v1/executor"), httpcli.Codec(codec))
	sender := calls.SenderWith(httpexec.NewSender(client.Send),
		calls.Framework(settings.FrameworkID), calls.Executor(settings.ExecutorID))
	stream, err := sender.Send(ctx, calls.NonStreaming(calls.Subscribe(nil, nil)))
	if err != nil {
		return fmt.Errorf("SUBSCRIBE: %w", err)
	}
	defer stream.Close()
	report := func(task mesos.TaskID, state mesos.TaskState, message string) error {
		uuid := make([]byte, 16)
		if _, err := rand.Read(uuid); err != nil {
			return err
		}
		source, now := mesos.SOURCE_EXECUTOR, float64(time.Now().UnixNano())/1e9
		return calls.SendNoData(ctx, sender, calls.NonStreaming(calls.Update(mesos.TaskStatus{
			TaskID: task, State: &state, Source: &source, Timestamp: &now, UUID: uuid, Message: &message,
			ExecutorID: &mesos.ExecutorID{Value: settings.ExecutorID},
		})))
	}
	for {
		var event executor.Event
		if err := stream.Decode(&event); err == io.EOF {
			return fmt.Errorf("the agent closed the stream")
		} else if err != nil {
			return err
		}
		log.Printf("event %v", event.GetType())
		var err error
		switch event.GetType() {
		case executor.Event_LAUNCH:
			task := event.GetLaunch().GetTask()
			err = report(task.TaskID, mesos.TASK_RUNNING, string(task.Data))
		case executor.Event_KILL:
			err = report(event.GetKill().GetTaskID(), mesos.TASK_KILLED, "as ordered")
		case executor.Event_MESSAGE:
			data := append([]byte("echo "), event.GetMessage().GetData()...)
			err = calls.SendNoData(ctx, sender, calls.NonStreaming(calls.Message(data)))
		case executor.Event_SHUTDOWN:
			return errDone
		}
		if err != nil {
			return err
		}
	}
}
