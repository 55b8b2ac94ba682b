package hosts_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const diskSize = "256k"

// smallDisk gives the host a data directory on a disk of its own.
func (h *host) smallDisk() (disk string) {
	t := h.net.t
	t.Helper()
	disk = t.TempDir()
	h.net.run("mount", "-t", "tmpfs", "-o", "size="+diskSize, "spinglass-test", disk)
	t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	h.dataDir = filepath.Join(disk, "data")
	return disk
}

// fill uses up all room of a disk.
func fill(t *testing.T, disk string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(disk, "ballast"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// empty makes room again.
func empty(t *testing.T, disk string) {
	t.Helper()
	if err := os.Remove(filepath.Join(disk, "ballast")); err != nil {
		t.Fatal(err)
	}
}

// contents returns what is in all files of a data directory.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, folder)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// damaged reports which of the files of a data directory are neither as they were nor new; those that are being written do not count.
func damaged(before, after map[string]string) (names []string) {
	for name, text := range before {
		if after[name] != text {
			names = append(names, name)
		}
	}
	return names
}

// A disk that is full stops nobody who runs. What cannot be stored says so in one line, and is tried again until there is room; no file is damaged. The control writes
// its files in place.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	authority, member, other := n.hosts[0], n.hosts[1], n.hosts[2]
	disks := []string{authority.smallDisk(), member.smallDisk()}
	n.found()
	token := n.token("--uses", "5")
	member.startFor(20 * time.Second)
	other.run(other.agentCommand("--token", token)...)
	n.ready(joinPatience)

	n.fullWhileRunning(disks[1])
	n.fullAtStart(disks[1], token)
	n.fullAuthority(disks[0], token)
	n.control("writing in place", func() { n.inPlace(disks[1]) })
}

// fullWhileRunning fills the disk of a member whose certificate is to be renewed.
func (n *network) fullWhileRunning(disk string) {
	t := n.t
	member := n.hosts[1]
	heard := []*listener{member.listen("news"), n.hosts[2].listen("news")}
	before := contents(t, member.dataDir)
	fill(t, disk)
	n.await("a renewal that fails", joinPatience, func() bool { return len(member.said("could not be renewed yet")) > 0 })
	for i := range 2 {
		if err := n.hosts[i].publish("news", numberedFrom(i*500, 500), "--rate", "1000/s").Wait(); err != nil {
			t.Fatal(err)
		}
	}
	n.await("all messages", joinPatience, func() bool { return heard[0].total() == 1000 && heard[1].total() == 1000 })
	for _, l := range heard {
		l.once(1000)
	}
	if lines := member.said("level=WARN"); len(lines) != 1 || !strings.Contains(lines[0], "bundle: no space left on device") {
		t.Errorf("with a full disk it says:\n%s", strings.Join(lines, "\n"))
	} else {
		t.Log(lines[0])
	}
	if names := damaged(before, contents(t, member.dataDir)); len(names) > 0 {
		t.Errorf("damaged: %v", names)
	}
	empty(t, disk)
	took := n.await("the renewal", 70*time.Second, func() bool { return len(member.said("the certificate was renewed")) == 1 })
	t.Logf("renewed %v after there is room", took.Round(time.Second))
	if names := damaged(before, contents(t, member.dataDir)); !slices.Equal(names, []string{"/identity/bundle"}) {
		t.Errorf("a renewal has changed %v", names)
	}
}

// fullAtStart starts agents with a full disk: a new one gives up, an enrolled one is a member once there is room.
func (n *network) fullAtStart(disk, token string) {
	t := n.t
	member, fresh := n.hosts[1], n.addHost(8)
	member.stop()
	before := contents(t, member.dataDir)
	fill(t, disk)
	fresh.dataDir = filepath.Join(disk, "fresh")
	for _, how := range [][]string{{"--token", token}, {"--first"}} {
		if said := n.refused(fresh.exec(fresh.agentCommand(how...)...)); !strings.Contains(said, "no space left on device") {
			t.Errorf("a new agent says: %s", said)
		} else {
			t.Log(said)
		}
	}
	member.run(member.agentCommand()...)
	time.Sleep(4 * time.Second) // some tries
	if lines := member.said("level=ERROR"); len(lines) != 1 || !strings.Contains(lines[0], "epoch.value.writing: no space left on device") || member.up() > 1 {
		t.Errorf("an enrolled agent sees %d members up, and says:\n%s", member.up(), strings.Join(lines, "\n"))
	} else {
		t.Log(lines[0])
	}
	if names := damaged(before, contents(t, member.dataDir)); len(names) > 0 {
		t.Errorf("damaged: %v", names)
	}
	empty(t, disk)
	n.ready(joinPatience)
	fresh.run(fresh.agentCommand("--token", token)...)
	n.await("the new agent", joinPatience, func() bool { return fresh.up() == 4 })
	fresh.stop()
}

// fullAuthority fills the disk of the authority: nothing is issued, made or revoked then, and no use of a token is lost.
func (n *network) fullAuthority(disk, token string) {
	t := n.t
	authority, joining := n.hosts[0], n.addHost(9)
	before := contents(t, authority.dataDir)
	fill(t, disk)
	for want, command := range map[string]*exec.Cmd{
		"refuses: cannot issue at the moment; its log says why": joining.exec(joining.agentCommand("--token", token)...),
		"tokens: no space left on device":                       authority.command("ca", "token"),
		"revocations: no space left on device":                  authority.command("ca", "revoke", "/lab/a3"),
	} {
		if said := n.refused(command); !strings.Contains(said, want) {
			t.Errorf("want %q, not %s", want, said)
		} else {
			t.Log(said)
		}
	}
	if names := damaged(before, contents(t, authority.dataDir)); len(names) > 0 {
		t.Errorf("damaged: %v", names)
	}
	if lines := authority.said("level=ERROR", "a certificate could not be issued", "no space left on device"); len(lines) == 0 {
		t.Errorf("the authority says:\n%s", strings.Join(authority.said("level=ERROR"), "\n"))
	}
	empty(t, disk)
	joining.run(joining.agentCommand("--token", token)...)
	n.await("the host that joins", joinPatience, func() bool { return joining.up() == 4 })
	authority.stop()
	authority.run(authority.agentCommand("--first", "--join", joining.address+":7401")...)
	n.await("the authority again", joinPatience, func() bool { return authority.up() == 4 })
}

// inPlace writes files as nobody should, and checks that this is seen as damage, and by the agent.
func (n *network) inPlace(disk string) {
	t := n.t
	member := n.hosts[1]
	member.stop()
	before := contents(t, member.dataDir)
	file, err := os.OpenFile(filepath.Join(member.dataDir, "identity", "bundle"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fill(t, disk) // somebody else is faster
	if _, err := file.WriteString(before["/identity/bundle"]); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("writing: %v", err)
	}
	if names := damaged(before, contents(t, member.dataDir)); !slices.Equal(names, []string{"/identity/bundle"}) {
		t.Errorf("damaged: %v", names)
	}
	empty(t, disk)
	t.Log(n.refused(member.exec(member.agentCommand()...)))
}
