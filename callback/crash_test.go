package callback_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

const (
	crashDir   = "CALLBACK_CRASH_DIR"   // where a child keeps the host's data; names a child
	crashAt    = "CALLBACK_CRASH_AT"    // the message at which it dies, from 1; 0: none
	crashStage = "CALLBACK_CRASH_STAGE" // where in that message
)

// The stages of a message at which a child dies.
const (
	beforeCommit = iota // in the function, before the host's commit
	afterCommit         // in the function, after it
	beforeDone          // before the dedupe store hears of it
	beforeAnswer        // before the answer
	duringAnswer        // between header and text of the answer
	crashStages
)

// crashPlan kills this process at its stage.
type crashPlan struct {
	at, stage, message int
}

func (c *crashPlan) reached(stage int) {
	if c.message != c.at || c.stage != stage {
		return
	}
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until the signal is here
}

type crashStore struct {
	jushuitan.Deduper
	plan *crashPlan
}

func (s crashStore) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	s.plan.reached(beforeDone)
	return s.Deduper.Commit(ctx, key, state, owner, memory, ttl)
}

type crashWriter struct {
	http.ResponseWriter
	plan *crashPlan
}

func (w crashWriter) WriteHeader(status int) {
	w.plan.reached(beforeAnswer)
	w.ResponseWriter.WriteHeader(status)
	if f, ok := w.ResponseWriter.(http.Flusher); ok && w.plan.stage == duringAnswer {
		f.Flush()
	}
	w.plan.reached(duringAnswer)
}

// crashChild is a host whose orders are the lines of a file: a message whose line
// is there already changes nothing, as with a unique key in a database.
func crashChild(dir string) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	plan := &crashPlan{}
	var err error
	plan.at, err = strconv.Atoi(os.Getenv(crashAt))
	must(err)
	plan.stage, err = strconv.Atoi(os.Getenv(crashStage))
	must(err)
	file, err := os.OpenFile(filepath.Join(dir, "orders"), os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	must(err)
	has := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		has[lines.Text()] = true
	}
	r, err := callback.New(callback.Config{
		Secrets: []string{present},
		Deduper: crashStore{jushuitan.NewMemoryDeduper(0), plan},
		Cancel: func(_ context.Context, _ callback.Envelope, p *jushuitan.CancelPush) error {
			plan.reached(beforeCommit)
			if !has[p.SoID] {
				if _, err := file.WriteString(p.SoID + "\n"); err != nil {
					return err
				}
				has[p.SoID] = true
			}
			plan.reached(afterCommit)
			return nil
		},
	})
	must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr())
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		plan.message++
		r.ServeHTTP(crashWriter{w, plan}, req)
	})}
	must(server.Serve(listener))
}

// TestCrash: the process dies again and again, at each stage; whatever it had
// acknowledged is there, and after redelivery the host's set is exact.
func TestCrash(t *testing.T) {
	kills := max(20, racetest.Fewer(200))
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	orders := func() []string {
		text, err := os.ReadFile(filepath.Join(dir, "orders"))
		if os.IsNotExist(err) {
			return nil
		}
		require.NoError(t, err)
		return strings.Fields(string(text))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	send := func(address, soID string) bool {
		m := message()
		m.Body = &jushuitan.CancelPush{SoID: soID}
		reply, err := m.Send(t.Context(), client, "http://"+address+"/cancal_callback")
		return err == nil && reply.OK()
	}
	start := func(at, stage int) (address string, end func()) {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprintf("%s=%d", crashAt, at), fmt.Sprintf("%s=%d", crashStage, stage))
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		child.Stderr = os.Stderr
		require.NoError(t, child.Start())
		address, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		return strings.TrimSpace(address), func() {
			_ = child.Process.Kill()
			_ = child.Wait()
		}
	}

	var sent, pending []string
	acknowledged := map[string]bool{}
	unanswered := [crashStages]int{}
	for kill := range kills {
		stage := random.IntN(crashStages)
		at := 1 + random.IntN(4)
		address, end := start(at, stage)
		for n := 1; ; n++ {
			if len(pending) == 0 {
				sent = append(sent, fmt.Sprintf("SO-%d-%d", kill, n))
				pending = append(pending, sent[len(sent)-1])
			}
			if !send(address, pending[0]) {
				unanswered[stage]++
				break
			}
			require.Less(t, n, at, "the child did not die")
			acknowledged[pending[0]] = true
			pending = pending[1:]
		}
		end()
		has := map[string]bool{}
		for _, order := range orders() {
			has[order] = true
		}
		for order := range acknowledged {
			require.True(t, has[order], "%s was acknowledged and is lost", order)
		}
	}
	address, end := start(0, 0)
	defer end()
	for _, order := range append(pending, sent...) { // a redelivery of all
		require.True(t, send(address, order))
	}
	assert.Equal(t, sent, orders(), "each once, none lost")
	t.Logf("%d kills by stage %v, %d messages", kills, unanswered, len(sent))
	for stage, n := range unanswered {
		assert.NotZero(t, n, "stage %d", stage)
	}
}
