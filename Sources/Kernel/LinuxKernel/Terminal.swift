import Glibc
import Synchronization

/// Size of a terminal in characters.
public struct TerminalSize: Equatable, Sendable {
    public var rows: UInt16
    public var columns: UInt16
    public init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

extension OwnedDescriptor {
    /// Whether this is a terminal. See isatty(3).
    public var isTerminal: Bool { isatty(number) == 1 }

    /// See ioctl_tty(2) TIOCGWINSZ. ENOTTY when it is no terminal.
    public func terminalSize() throws(KernelError) -> TerminalSize {
        var size = winsize()
        try checked("ioctl(TIOCGWINSZ)") { ioctl(number, UInt(TIOCGWINSZ), &size) }
        return TerminalSize(rows: size.ws_row, columns: size.ws_col)
    }

    /// Sets the size and tells the terminal's foreground processes, ioctl_tty(2) TIOCSWINSZ.
    public func setTerminalSize(_ size: TerminalSize) throws(KernelError) {
        var raw = winsize(ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0)
        try checked("ioctl(TIOCSWINSZ)") { ioctl(number, UInt(TIOCSWINSZ), &raw) }
    }

    /// From here on a new line that a program writes arrives as it is, without a carriage return before it: what is no
    /// terminal at the other end wants lines. See termios(3) ONLCR.
    public func keepNewLines() throws(KernelError) {
        var settings = termios()
        try checked("tcgetattr") { tcgetattr(number, &settings) }
        settings.c_oflag &= ~tcflag_t(ONLCR)
        try checked("tcsetattr") { tcsetattr(number, TCSANOW, &settings) }
    }
}

/// A terminal of ours switched to raw: every key goes through as it is. It is given back by `restore`, or when nobody
/// holds this any more, whatever failed in between; not when the process exits, and the kernel does not do it either.
public final class RawTerminal: Sendable {
    private let descriptor: OwnedDescriptor
    private let before: termios
    private let isGivenBack = Atomic(false)

    public enum Part: Sendable {
        /// See termios(3) cfmakeraw.
        case keysAndOutput
        /// Keys still make signals and lines; what is written is not changed any more.
        case outputOnly
    }

    public init(_ descriptor: OwnedDescriptor, _ part: Part = .keysAndOutput) throws(KernelError) {
        var settings = termios()
        try checked("tcgetattr") { tcgetattr(descriptor.number, &settings) }
        self.descriptor = descriptor
        before = settings
        switch part {
        case .keysAndOutput: cfmakeraw(&settings)
        case .outputOnly: settings.c_oflag &= ~tcflag_t(OPOST)
        }
        try checked("tcsetattr") { tcsetattr(descriptor.number, TCSADRAIN, &settings) }
    }

    /// As it was before. Twice is fine. Nothing can be done about a terminal that is gone. `draining`: not before it
    /// has shown what was written to it, for which one that was stopped, as with Ctrl-S, takes for ever.
    public func restore(draining: Bool = true) {
        guard !isGivenBack.exchange(true, ordering: .relaxed) else { return }
        var settings = before
        _ = tcsetattr(descriptor.number, draining ? TCSADRAIN : TCSANOW, &settings)
    }

    deinit { restore() }
}
