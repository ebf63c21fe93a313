import CLinux
import Glibc

/// This process itself.
public enum CurrentProcess {
    /// Ends at once, as kill -9 does: nothing is flushed, closed or undone.
    public static func kill() -> Never {
        Glibc.kill(getpid(), SIGKILL)
        _exit(137)
    }

    /// Gives memory that was freed back to the kernel; the allocator would keep it for what may come. Takes as long as
    /// there is free memory in pieces: for after a start, not for between two requests. See malloc_trim(3).
    public static func giveBackFreedMemory() { _ = bh_malloc_trim() }

    /// For a process that lives for months and is mostly idle. Pieces of at least `large` bytes are mapped by
    /// themselves and given back at once when they are freed, as is the end of a heap from so much on; otherwise the
    /// allocator keeps as much as it once had to map, and no `giveBackFreedMemory` finds it. All threads share so many
    /// heaps. To be called before there is a second thread. See mallopt(3).
    public static func boundHeap(large: Int32, heaps: Int32) { bh_bound_heap(large, heaps) }

    /// Leaves the terminal and the group of whoever started us. See setsid(2).
    public static func beginSession() throws(KernelError) { try checked("setsid") { setsid() } }

    /// Writes `text` to the standard error; when nobody can be told, nobody is.
    public static func complain(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }

    /// Lets the heap grow by so much at a time and never shrink: for programs that end soon. See mallopt(3).
    public static func growHeap(by bytes: Int32) { bh_grow_heap(bytes) }

    /// Ends with `status` without running the exit handlers of libraries.
    public static func exit(_ status: Int32) -> Never { _exit(status) }
}

/// The environment this process was started with.
public enum ProcessEnvironment {
    public static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Every variable as `NAME=value`, in the order the process got them.
    public static func all() -> [String] {
        var found: [String] = []
        var next = environ
        while let text = next.pointee {
            found.append(String(cString: text))
            next = next.advanced(by: 1)
        }
        return found
    }
}

/// Randomness from the kernel, getrandom(2).
public enum KernelRandom {
    public static func number() -> UInt64 { UInt64.random(in: .min ... .max) }

    /// 122 random bits in the form of RFC 9562, version 4.
    public static func uuid() -> String {
        let high = number() & ~0xf000 | 0x4000
        let low = number() & (.max >> 2) | 1 << 63
        func hex(_ value: UInt64, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: digits - text.utf8.count) + text
        }
        return [
            hex(high >> 32, 8), hex(high >> 16 & 0xffff, 4), hex(high & 0xffff, 4), hex(low >> 48, 4),
            hex(low & 0xffff_ffff_ffff, 12),
        ].joined(separator: "-")
    }
}

extension CurrentProcess {
    /// Puts /dev/null where a standard stream is closed. Otherwise the next file we open would be one, and what we
    /// write to people would end up in it.
    public static func fillStandardStreams() {
        for stream: Int32 in 0...2 where fcntl(stream, F_GETFD) < 0 { _ = bh_openat(AT_FDCWD, "/dev/null", O_RDWR, 0) }
    }

    /// The working directory, or `/` when it was removed. See getcwd(3).
    public static func directory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}

extension CurrentProcess {
    /// Becomes the program at `path` with `arguments` (the first is its name), the environment and descriptors of now.
    /// Returns only by throwing. See execv(3).
    public static func become(_ path: String, _ arguments: [String]) throws(KernelError) -> Never {
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        execv(path, &pointers)
        throw KernelError(call: "execve", on: path, errno: errno)
    }
}

/// Time that passes between two looks at something that changes.
public enum Interval {
    /// See nanosleep(2).
    public static func pass(seconds: UInt32 = 0, milliseconds: UInt32 = 0) {
        var rest = timespec(tv_sec: Int(seconds + milliseconds / 1_000), tv_nsec: Int(milliseconds % 1_000) * 1_000_000)
        var left = timespec()
        while nanosleep(&rest, &left) != 0 && errno == EINTR { rest = left }
    }
}
