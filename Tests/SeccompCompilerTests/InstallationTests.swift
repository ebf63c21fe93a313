import CLinux
import Diagnostics
import Glibc
import LinuxKernel
import SeccompCompiler
import SeccompFormat
import Testing

/// The compiled filters in the real kernel, each in a process of its own that ends with the test. The test library has
/// threads of its own there, which do what our filters do not allow, so most tests filter their own thread only.
@Suite("Filters in the kernel")
struct InstallationTests {
    @Test("under the default profile a process works and cannot leave")
    func defaultProfile() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try installDefaultFilter()
            require(bh_unshare(0x1000_0000) == -1 && errno == EPERM, "unshare")
            require(bh_umount2("/", 0) == -1 && errno == EPERM, "umount2")
            require(bh_setns(0, 0) == -1 && errno == EPERM, "setns")
            require(bh_ioctl_int(0, 0x5412, 0) == -1 && errno == EPERM, "TIOCSTI")
            require(bh_ioctl_int(0, 0x1_0000_5412, 0) == -1 && errno == EPERM, "TIOCSTI with a high bit")
            require(bh_bpf(0, nil, 0) == -1 && errno == EPERM, "bpf")
            require(socket(38, 5, 0) == -1 && errno == EAFNOSUPPORT, "AF_ALG")
            require(socket(40, 1, 0) == -1 && errno == EAFNOSUPPORT, "AF_VSOCK")
            require(socket(16, 3, 6) == -1 && errno == EPROTONOSUPPORT, "NETLINK_XFRM")
            require(socket(16, 3, 0) >= 0, "NETLINK_ROUTE")
            require(socket(2, 1, 0) >= 0, "AF_INET")
            var ends: [Int32] = [-1, -1]
            require(socketpair(1, 1, 0, &ends) == 0, "socketpair")
            require(open("/proc/self/status", O_RDONLY) >= 0, "open")
            require(childStatus() == 7, "a child process")
            exit(0)
        }
    }

    #if arch(x86_64)
    @Test("a call of i386 or x32 ends the process, even one as harmless as getpid")
    func foreignCalls() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try installDefaultFilter()
            _ = run([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3])  // mov eax, 20; int 0x80; ret
            _exit(0)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try installDefaultFilter()
            _ = run([0xb8, 39, 0, 0, 0x40, 0x0f, 0x05, 0xc3])  // mov eax, 39 | x32; syscall; ret
            _exit(0)
        }
        await #expect(processExitsWith: .exitCode(0)) {
            try installDefaultFilter()
            _exit(run([0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3]) == getpid() ? 0 : 1)  // the native one answers
        }
    }

    @Test("a number no kernel has answers ENOSYS, so that programs fall back")
    func unknownNumber() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try installDefaultFilter()
            require(run([0xb8, 0xe7, 3, 0, 0, 0x0f, 0x05, 0xc3]) == -ENOSYS, "call 999")
            _exit(0)
        }
    }

    #endif

    @Test("under the unpacker's filter files and threads work")
    func unpackerWorks() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try FilterInstallation.installOnThisThread(try FilterCompiler.compile(UnpackerFilter.filter))
            let thread = try WorkerThread { _ = getpid() }
            thread.join()
            let text = try OwnedDescriptor.open("/proc/self/status").readAll(limit: 1 << 20)
            require(!text.isEmpty, "reading a file")
            require(mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, "mmap")
            require(kill(getppid(), 0) == -1, "kill")
            _exit(0)
        }
    }

    @Test("under the unpacker's filter a socket, a program or a new process ends it")
    func unpackerCannotLeave() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try FilterInstallation.installOnThisThread(try FilterCompiler.compile(UnpackerFilter.filter))
            _ = socket(1, 1, 0)
            _exit(0)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try FilterInstallation.installOnThisThread(try FilterCompiler.compile(UnpackerFilter.filter))
            execv("/bin/true", [nil])
            _exit(0)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try FilterInstallation.installOnThisThread(try FilterCompiler.compile(UnpackerFilter.filter))
            _ = bh_unshare(0x1000_0000)
            _exit(0)
        }
    }

    @Test("under init's filter writing works and opening ends it")
    func initFilter() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try FilterInstallation.installOnThisThread(try FilterCompiler.compile(InitFilter.filter))
            var byte = UInt8(0)
            let result = write(-1, &byte, 1)
            _exit(result == -1 && errno == EBADF ? 0 : 1)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try FilterInstallation.installOnThisThread(try FilterCompiler.compile(InitFilter.filter))
            _ = open("/", O_RDONLY)
            _exit(0)
        }
    }

    @Test("installing reaches every thread, those that existed before included")
    func everyThread() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let installed = Monitor(false)
            let answer = Monitor(Int32(0))
            let thread = try WorkerThread {
                _ = installed.waitFor { $0 ? true : nil }
                let result = bh_unshare(0x1000_0000)
                let problem = errno
                answer.withLock { $0 = result == -1 ? problem : 0 }
            }
            let filter = SeccompProfile.default.resolve(for: [], kernel: KernelRelease(major: 6, minor: 1))
            try FilterInstallation.install(try FilterCompiler.compile(filter))
            installed.withLock { $0 = true }
            thread.join()
            require(answer.withLock { $0 } == EPERM, "unshare in a thread that existed before")
            exit(0)
        }
    }

    @Test("a program the kernel does not accept is refused and nothing is filtered")
    func refusedProgram() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let broken = CompiledFilter(name: "broken", bytes: [0x99, 0, 0, 0, 0, 0, 0, 0])
            do throws(Failure) {
                try FilterInstallation.install(broken)
                exit(1)
            } catch {
                require(error.code == "seccomp.install-failed", "the code")
                require(error.cause?.contains("EINVAL") == true, "the cause")
            }
            exit(0)
        }
    }
}

/// Ends the process with a word on standard error unless `condition` holds; `#expect` is no help under a filter.
private func require(_ condition: Bool, _ what: String) {
    if condition { return }
    perror("not as expected: \(what)")
    _exit(1)
}

private func installDefaultFilter() throws {
    let filter = SeccompProfile.default.resolve(for: [], kernel: KernelRelease(major: 6, minor: 1))
    try FilterInstallation.installOnThisThread(try FilterCompiler.compile(filter))
}

/// Runs machine code and answers what it leaves in eax: calls that no C library makes.
private func run(_ code: [UInt8]) -> Int32 {
    let size = 4096
    let protection = PROT_READ | PROT_WRITE | PROT_EXEC
    guard let page = mmap(nil, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), page != MAP_FAILED else {
        return Int32.min
    }
    page.copyMemory(from: code, byteCount: code.count)
    return unsafeBitCast(page, to: (@convention(c) () -> Int32).self)()
}

/// The exit status of a child process that does nothing but exit with 7.
private func childStatus() -> Int32 {
    var child = pid_t(0)
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup("exit 7"), nil]
    var environment: [UnsafeMutablePointer<CChar>?] = [nil]
    guard posix_spawn(&child, "/bin/sh", nil, nil, &arguments, &environment) == 0 else { return -1 }
    var status: Int32 = 0
    guard waitpid(child, &status, 0) == child else { return -1 }
    return (status >> 8) & 0xff
}
