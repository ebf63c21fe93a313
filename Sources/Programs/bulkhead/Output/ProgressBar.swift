import CommandOutput
import Containers
import Diagnostics
import ImageStorage

/// How far an import is: one line on standard error, drawn over itself.
struct ProgressBar {
    private static let width = 24
    let isShown: Bool

    func show(_ progress: ImportProgress) {
        if isShown { draw(Self.line(progress)) }
    }

    /// Takes the line away.
    func clear() {
        if isShown { draw("") }
    }

    private func draw(_ line: String) {
        // A terminal that is gone shows no progress; the import goes on.
        do throws(Failure) { try Console.write(Array("\r\u{1b}[K\(line)".utf8), to: 2) } catch { return }
    }

    static func line(_ progress: ImportProgress) -> String {
        let what =
            switch progress.phase {
            case .reading: "reading"
            case .unpacking(let layer, let count): "layer \(layer) of \(count)"
            case .finishing: "writing to disk"
            }
        guard let total = progress.total, total > 0 else {
            return progress.completed > 0 ? "\(what)  \(ByteCount.text(progress.completed))" : what
        }
        let part = min(1, Double(progress.completed) / Double(total))
        let filled = Int(part * Double(width))
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
        return
            "\(what)  [\(bar)] \(Int(part * 100))%  \(ByteCount.text(progress.completed)) of \(ByteCount.text(total))"
    }
}
