import Determinism
import Diagnostics
import NIOCore

/// What a peer has time for. Everything here is seen to by its event loop's sweep.
extension Connection {
    /// An answer under way, and how much of it had not left when it was looked at last; the most there can be when a
    /// piece has left since.
    struct Stall {
        let exchange: UInt64
        var look: NIODeadline
        var waiting = Int.max
    }

    /// When there is something to look at; nil: nothing.
    var nextLook: NIODeadline? {
        var next = deadline
        for other in [stall?.look, headDue] {
            if let other { next = min(next ?? other, other) }
        }
        return next
    }

    /// Lets the header of a stream's answer leave by itself when no record comes to leave with it.
    func flushHead(after time: Duration) {
        let due = NIODeadline.now() + .nanoseconds(time.saturatingNanoseconds)
        headDue = due
        sweep.add(self, at: due)
    }

    /// In place of the one before.
    func setDeadline(_ time: Duration) {
        let deadline = NIODeadline.now() + .nanoseconds(time.saturatingNanoseconds)
        self.deadline = deadline
        sweep.add(self, at: deadline)
    }

    func clearDeadline() { deadline = nil }

    /// Cuts off a peer that takes none of an answer's bytes for `ServerLimits.stallTime`.
    func watchForStall(of number: UInt64) {
        guard isServing(number) else { return }
        let look = NIODeadline.now() + .nanoseconds(limits.stallTime.saturatingNanoseconds)
        stall = Stall(exchange: number, look: look)
        sweep.add(self, at: look)
    }

    /// A piece of an answer has left: the peer reads, however much of the next one waits when it is looked at again.
    func pieceLeft(of number: UInt64) {
        if stall?.exchange == number { stall?.waiting = .max }
    }

    /// What was waited for until `now` has not come.
    func timeIsUp(at now: NIODeadline) {
        guard let context = presentContext else { return }
        if let headDue, headDue <= now {
            self.headDue = nil
            context.flush()
        }
        if let stall, stall.look <= now { lookForStall(stall, context) }
        if let deadline, deadline <= now {
            self.deadline = nil
            deadlinePassed(context)
        }
        if presentContext != nil, let nextLook { sweep.add(self, at: nextLook) }
    }

    private func lookForStall(_ last: Stall, _ context: ChannelHandlerContext) {
        stall = nil
        guard isServing(last.exchange) else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let channel = context.channel
        channel.getOption(.bufferedWritableBytes).assumeIsolated().whenSuccess { bytes in
            if bytes > 0, bytes >= last.waiting { return channel.close(promise: nil) }
            bound.value.watchForStall(of: last.exchange)
            bound.value.stall?.waiting = bytes
        }
    }
}
