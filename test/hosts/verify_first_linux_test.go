package hosts_test

import (
	"bufio"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// Ports and messages of the control that verifies first.
const (
	verifyFirstPort = 7500
	signedSize      = 32 + ed25519.SignatureSize
)

func init() { roles["verify first"] = runVerifyFirst }

// runVerifyFirst is a receiver that looks at the signature of whatever comes, in its turn. When it is asked, it says how many good messages there were.
func runVerifyFirst() error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{Port: verifyFirstPort})
	if err != nil {
		return err
	}
	_ = conn.SetReadBuffer(16 << 20)
	key := signer().Public().(ed25519.PublicKey)
	var waiting [][]byte
	var good int
	var mutex sync.Mutex
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			mutex.Lock()
			waiting = append(waiting, slices.Clone(buffer[:n]))
			mutex.Unlock()
		}
	}()
	go func() {
		for {
			mutex.Lock()
			var next []byte
			if len(waiting) > 0 {
				next, waiting = waiting[0], waiting[1:]
			}
			mutex.Unlock()
			switch {
			case next == nil:
				time.Sleep(time.Millisecond)
			case len(next) >= signedSize && ed25519.Verify(key, next[ed25519.SignatureSize:], next[:ed25519.SignatureSize]):
				mutex.Lock()
				good++
				mutex.Unlock()
			}
		}
	}()
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	mutex.Lock()
	defer mutex.Unlock()
	fmt.Println(good)
	return nil
}

func signer() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

// verifyFirst floods the second host's receiver that verifies first, while another host sends it 1000 good messages a second.
func (n *network) verifyFirst(outsider *host, noise parcel) {
	t := n.t
	const messages = 3000
	process, lines, end := n.hosts[1].role("verify first")
	if !lines.Scan() {
		t.Fatal("it does not begin")
	}
	to := &net.UDPAddr{IP: net.ParseIP(n.hosts[1].address), Port: verifyFirstPort}
	noise.to = to
	base, _ := resident(t, process)
	f, conn := outsider.flood([]parcel{noise}), n.hosts[0].open(0)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range messages {
		<-tick.C
		body := binary.BigEndian.AppendUint64(make([]byte, 24), uint64(i))
		if _, err := conn.WriteToUDP(append(ed25519.Sign(signer(), body), body...), to); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second) // for the last of them
	_, peak := resident(t, process)
	rate := f.stop()
	end()
	var good int
	if !lines.Scan() {
		t.Fatal("it does not say how many there were")
	}
	if _, err := fmt.Sscan(lines.Text(), &good); err != nil {
		t.Fatal(err)
	}
	t.Logf("at %.0f datagrams/s a share of %.4f is delivered; memory grew by %.1f MiB", rate, float64(good)/messages, float64(peak-base)/(1<<20))
	if float64(good)/messages >= deliveredMin || peak-base <= memoryMax {
		t.Error("the flood does nothing to a receiver that verifies first")
	}
}
