// gosnmp on the bench's poll: gosnmp VERSION PORT POLLS IN_FLIGHT PASSES. A line of figures per pass.
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"
)

var scalars = []string{
	".1.3.6.1.2.1.1.1.0", ".1.3.6.1.2.1.1.2.0", ".1.3.6.1.2.1.1.3.0", ".1.3.6.1.2.1.1.4.0",
	".1.3.6.1.2.1.1.5.0", ".1.3.6.1.2.1.1.6.0", ".1.3.6.1.2.1.2.1.0", ".1.3.6.1.2.1.25.1.1.0",
	".1.3.6.1.2.1.25.2.2.0", ".1.3.6.1.4.1.2021.4.5.0", ".1.3.6.1.4.1.2021.4.6.0", ".1.3.6.1.4.1.2021.10.1.5.1",
}
var columns = []string{".1.3.6.1.2.1.31.1.1.1.6", ".1.3.6.1.2.1.31.1.1.1.10"}

const rows = 12

func address(number int) string {
	octets := make(net.IP, 4)
	binary.BigEndian.PutUint32(octets, 127<<24|64<<16|uint32(number+1))
	return octets.String()
}

func session(version string, port, number int) (*gosnmp.GoSNMP, error) {
	one := &gosnmp.GoSNMP{
		Target: address(number), Port: uint16(port), Version: gosnmp.Version2c, Community: "public",
		Timeout: 2 * time.Second, Retries: 1, MaxOids: gosnmp.MaxOids,
	}
	if version == "3" {
		one.Version = gosnmp.Version3
		one.SecurityModel = gosnmp.UserSecurityModel
		one.MsgFlags = gosnmp.AuthPriv
		one.SecurityParameters = &gosnmp.UsmSecurityParameters{
			UserName:               "bench",
			AuthenticationProtocol: gosnmp.SHA, AuthenticationPassphrase: "authpass123",
			PrivacyProtocol: gosnmp.AES, PrivacyPassphrase: "privpass123",
		}
	}
	return one, one.Connect()
}

// Whether the poll brought everything.
func poll(one *gosnmp.GoSNMP) bool {
	got, err := one.Get(scalars)
	if err != nil || len(got.Variables) != len(scalars) {
		return false
	}
	table, err := one.GetBulk(columns, 0, rows)
	if err != nil {
		return false
	}
	counters := 0
	for _, variable := range table.Variables {
		if strings.HasPrefix(variable.Name, columns[0]+".") || strings.HasPrefix(variable.Name, columns[1]+".") {
			counters++
		}
	}
	return counters == rows*len(columns)
}

func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

// Peak resident memory in MB.
func peak() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			kilobytes, _ := strconv.ParseFloat(fields[1], 64)
			return kilobytes / 1024
		}
	}
	return 0
}

func pass(version string, port, inFlight int, sessions []*gosnmp.GoSNMP) {
	var next, complete int64
	var workers sync.WaitGroup
	latencies := make([]float64, len(sessions))
	cpuBefore, started := cpu(), time.Now()
	for worker := 0; worker < inFlight; worker++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for number := int(atomic.AddInt64(&next, 1)) - 1; number < len(sessions); number = int(atomic.AddInt64(&next, 1)) - 1 {
				begun := time.Now()
				var err error
				if sessions[number] == nil {
					sessions[number], err = session(version, port, number)
				}
				if err == nil && poll(sessions[number]) {
					atomic.AddInt64(&complete, 1)
				}
				latencies[number] = time.Since(begun).Seconds()
			}
		}()
	}
	workers.Wait()
	wall, used := time.Since(started).Seconds(), cpu()-cpuBefore
	sort.Float64s(latencies)
	fmt.Printf(`{"polls": %d, "complete": %d, "cpu_s": %f, "wall_s": %f, "p99_ms": %f, "rss_mb": %f, "in_flight": %d}`+"\n",
		len(sessions), complete, used, wall, latencies[len(latencies)*99/100]*1000, peak(), inFlight)
}

func main() {
	numbers := make([]int, 4)
	for place := range numbers {
		numbers[place], _ = strconv.Atoi(os.Args[place+2])
	}
	sessions := make([]*gosnmp.GoSNMP, numbers[1])
	for count := 0; count < numbers[3]; count++ {
		pass(os.Args[1], numbers[0], numbers[2], sessions)
	}
}
