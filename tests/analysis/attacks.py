"""What a hostile method tries: a module that is put where an installer would, one function for each attack.

An attack that is refused raises OSError; one that gets through returns a word. `at` is what the test put in its way:
a secret file and its folder, a process of the same user, a TCP port, a UDP port and unix sockets that are listened on.
"""

ATTACKS = r'''
import ctypes, fcntl, mmap, os, resource, signal, socket, struct, subprocess, threading, time
from pathlib import Path

import numpy as np

THROUGH = "it got through"
libc = ctypes.CDLL(None, use_errno=True)
asked, answered = threading.Event(), threading.Event()
found = {}

def early():
    """A thread that was there before the method was called."""
    asked.wait()
    try: found["secret"] = Path(found["path"]).read_text()
    except OSError as error: found["error"] = error
    answered.set()

threading.Thread(target=early, daemon=True).start()

def call(number, *arguments):
    """A system call, by its number on x86_64; OSError where it is refused."""
    ctypes.set_errno(0)
    if (result := libc.syscall(ctypes.c_long(number), *arguments)) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result

# Reading

def read_passwd(at): Path("/etc/passwd").read_bytes()
def read_secret(at): Path(at["secret"]).read_text()
def read_through_a_link(at): Path("link").symlink_to(at["secret"]); Path("link").read_text()
def read_another_run(at): Path(at["folder"], "run-other", "linked.parquet").read_bytes()
def read_parent_environment(at): Path(f"/proc/{os.getppid()}/environ").read_bytes()
def read_parent_memory(at): open(f"/proc/{os.getppid()}/mem", "rb").close()
def read_parent_maps(at): Path(f"/proc/{os.getppid()}/maps").read_bytes()
def read_own_memory_file(at): open("/proc/self/mem", "r+b").close()
def list_parent_descriptors(at): os.listdir(f"/proc/{os.getppid()}/fd")
def list_processes(at): os.listdir("/proc")
def list_the_secrets_folder(at): os.listdir(at["folder"])
def list_runs(at): os.listdir(Path.cwd().parent.parent)
def read_by_an_early_thread(at):
    found["path"] = at["secret"]
    asked.set(); answered.wait(10)
    if "error" in found: raise found["error"]
def watch_with_inotify(at):
    notify = call(253)
    call(254, notify, at["secret"].encode(), 0xFFF)
def watch_with_fanotify(at): call(300, 0, 0)

# Changing

def write_secret(at): Path(at["secret"]).write_text("changed")
def truncate_secret(at): os.truncate(at["secret"], 0)
def remove_secret(at): os.unlink(at["secret"])
def chmod_secret(at): os.chmod(at["secret"], 0o777)
def chown_secret(at): os.chown(at["secret"], os.getuid(), os.getgid())
def touch_secret(at): os.utime(at["secret"], (1, 1))
def mark_secret(at): os.setxattr(at["secret"], "user.mark", b"1")
def rename_secret(at): os.rename(at["secret"], "mine")
def rename_onto_secret(at): Path("mine").touch(); os.rename("mine", at["secret"])
def link_secret(at): os.link(at["secret"], "mine")
def symlink_outside(at): os.symlink("/etc", Path(at["folder"], "link"))
def create_outside(at): Path(at["folder"], "made").touch()
def create_in_tmp(at): Path("/tmp/made-by-an-attack").touch()
def folder_outside(at): Path(at["folder"], "made").mkdir()
def change_input(at): Path(at["bundle"], "linked.parquet").write_bytes(b"")
def remove_input(at): Path(at["bundle"], "linked.parquet").unlink()
def chmod_input(at): os.chmod(Path(at["bundle"], "linked.parquet"), 0o777)
def device_node(at): os.mknod("device", 0o600 | 0o020000, os.makedev(1, 3))

# Network

def tcp_connect(at): socket.create_connection(("127.0.0.1", at["tcp"]), 5)
def tcp_listen(at): socket.create_server(("127.0.0.1", 0))
def udp_send(at): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", at["udp"]))
def udp_bind(at): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 0))
def ipv6_socket(at): socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
def resolve(at): socket.create_connection(("localhost", at["tcp"]), 5)
def unix_path(at): socket.socket(socket.AF_UNIX).connect(at["unix"])
def unix_abstract(at): socket.socket(socket.AF_UNIX).connect("\0" + at["abstract"])
def unix_datagram_pair(at): socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", at["unix_datagrams"])
def unix_bind(at): socket.socket(socket.AF_UNIX).bind("mine.sock")
def netlink(at): socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
def vsock(at): socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
def packets(at): socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
def kernel_crypto(at): socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0)
def io_uring(at): call(425, 8, ctypes.create_string_buffer(120))

# Processes

def fork(at):
    if os.fork() == 0: os._exit(0)
def clone3(at):
    if call(435, struct.pack("Q" * 8, 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0), 64) == 0: os._exit(0)
def daemon(at):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(300)
        os._exit(0)
def fork_bomb(at):
    while True:
        if os.fork() == 0: time.sleep(300)
def execute(at): os.execv("/bin/true", ["true"])
def run_a_program(at): subprocess.run(["/bin/true"], check=True)
def spawn(at): os.posix_spawn("/bin/true", ["true"], {})
def execute_from_memory(at):
    memory = os.memfd_create("program"); os.write(memory, b"#!/bin/true\n")
    call(322, memory, b"", 0, 0, 0x1000)
def kill_parent(at): os.kill(os.getppid(), signal.SIGKILL)
def kill_other(at): os.kill(at["victim"], signal.SIGKILL)
def probe_everybody(at): os.kill(-1, 0)
def kill_a_thread_of_another(at): call(234, at["victim"], at["victim"], signal.SIGKILL)
def queue_a_signal(at): call(129, at["victim"], signal.SIGTERM, struct.pack("iii", signal.SIGTERM, 0, -1) + bytes(116))
def handle_of_another(at): os.pidfd_open(at["victim"])
def signal_by_owner(at):
    read, write = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETOWN, at["victim"])
    fcntl.fcntl(read, 10, signal.SIGKILL)
    fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC)
    os.write(write, b"x")
def own_by_ioctl(at):
    read, write = os.pipe()
    fcntl.ioctl(read, 0x8901, struct.pack("i", at["victim"]))
def trace_other(at): call(101, 16, at["victim"], 0, 0)
def read_memory_of_other(at):
    buffer = ctypes.create_string_buffer(8)
    here = struct.pack("QQ", ctypes.addressof(buffer), 8)
    call(310, at["victim"], here, 1, here, 1, 0)
def limit_other(at): resource.prlimit(at["victim"], resource.RLIMIT_CPU, (1, 1))
def pin_other(at):
    os.sched_setaffinity(at["victim"], {0})
    raise PermissionError("it is said to work, and does nothing: the test looks at the victim")
def renice_other(at): os.setpriority(os.PRIO_PROCESS, at["victim"], 19)
def schedule_other(at): os.sched_setscheduler(at["victim"], os.SCHED_IDLE, os.sched_param(0))
def offer_other_to_the_oom_killer(at): Path(f"/proc/{at['victim']}/oom_score_adj").write_text("1000")
def outlive_the_launcher(at):
    if libc.prctl(1, 0, 0, 0, 0): raise OSError(ctypes.get_errno(), "refused")

# Privileges

def user_namespace(at): call(272, 0x10000000)
def network_namespace(at): call(272, 0x40000000)
def enter_a_namespace(at): call(308, 0, 0)
def mount(at): call(165, b"none", os.getcwd().encode(), b"tmpfs", 0, None)
def change_root(at): os.chroot(".")
def become_another(at): os.setuid(65534)
def change_groups(at): os.setgroups([65534])
def raise_a_limit(at):
    if libc.prlimit(0, resource.RLIMIT_DATA, struct.pack("QQ", 2**62, 2**62), None): raise OSError(ctypes.get_errno(), "refused")
def regain_capabilities(at): call(126, struct.pack("Ii", 0x20080522, 0), struct.pack("I", 1 << 21) * 6)
def keyring(at): call(248, b"user", b"name", b"secret", 6, -3)
def load_a_filter_of_the_kernel(at): call(321, 0, None, 0)
def count_events(at): call(298, struct.pack("II", 1, 128) + bytes(120), 0, -1, -1, 0)
def handle_page_faults(at): call(323, 0)

# Resources

def eat_by_numpy(at): return float(np.ones(10 << 27).sum())
def eat_by_private_mapping(at):
    memory = mmap.mmap(-1, 10 << 30, flags=mmap.MAP_PRIVATE)
    for place in range(0, 10 << 30, 4096): memory[place] = 1
def eat_by_shared_mapping(at):
    memory = mmap.mmap(-1, 3 << 30)
    for place in range(0, 3 << 30, 4096): memory[place] = 1
    time.sleep(60)
def eat_by_a_file_in_memory(at):
    memory = os.memfd_create("hidden")
    while True: os.write(memory, bytes(1 << 20))
def shared_memory_file(at): Path("/dev/shm/made-by-an-attack").touch()
def shared_memory_segment(at): call(29, 0, 1 << 30, 0o1600)
def message_queue(at): call(240, b"made-by-an-attack", 0o102, 0o600, None)
def sparse_file(at): os.truncate(os.open("sparse", os.O_CREAT | os.O_RDWR), 10 << 30)
def fill_the_disk(at):
    for number in range(100): Path(f"full{number}").write_bytes(bytes(16 << 20))
    time.sleep(60)
def fill_with_hidden_files(at):
    for number in range(100):
        kept = open("hidden", "wb"); os.unlink("hidden"); kept.write(bytes(16 << 20)); kept.flush(); found[number] = kept
    time.sleep(60)
def many_files(at):
    for number in range(100_000): open(f"n{number}", "w").close()
    time.sleep(60)
def deep_folder(at):
    for _ in range(30): os.mkdir("d" * 200); os.chdir("d" * 200)
    for number in range(100): Path(f"full{number}").write_bytes(bytes(16 << 20))
    time.sleep(60)
def many_threads(at):
    threading.stack_size(64 << 10)
    for _ in range(1000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    time.sleep(60)
def loop_that_hears_no_signal(at):
    for number in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT, signal.SIGALRM): signal.signal(number, signal.SIG_IGN)
    while True: pass
def hang(at): time.sleep(300)
def shout(at):
    for _ in range(3 << 10): os.write(1, bytes(1 << 20))

def run(bundle, report):
    at = bundle.parameters
    return globals()[at["do"]](at | {"bundle": str(bundle.folder)}) or THROUGH
'''
