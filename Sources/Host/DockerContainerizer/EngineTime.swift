/// Moments as the Docker Engine writes them: `2026-11-21T07:31:54.414265643Z`.
enum EngineTime {
    /// Seconds since 1970; nil for what is no moment, and for the year 1, which means never.
    static func seconds(_ text: String) -> Double? {
        let parts = text.split { "-T:Z+".contains($0) }
        guard text.ends(with: "Z"), parts.count == 6, let year = Int(parts[0]), let month = Int(parts[1]),
            let day = Int(parts[2]), let hour = Double(parts[3]), let minute = Double(parts[4]),
            let second = Double(parts[5]), year >= 1970, (1...12).contains(month)
        else { return nil }
        // Days before a year that begins in March, when leap days are last.
        let (shifted, era) = (month > 2 ? year : year - 1, month > 2 ? month - 3 : month + 9)
        let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * era + 2) / 5 + day - 719_469
        return Double(days) * 86_400 + hour * 3_600 + minute * 60 + second
    }
}
