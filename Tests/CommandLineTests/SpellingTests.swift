import CommandOutput
import Testing

@Suite("What somebody may have meant")
struct SpellingTests {
    @Test(
        "a slip of the fingers, or a beginning, is taken for the word it comes from",
        arguments: [
            ("--memry", "did you mean --memory?"), ("--memroy", "did you mean --memory?"),
            ("--Memory", "did you mean --memory?"), ("--mem", "did you mean --memory or --memory-swap?"),
            ("--cpu", "did you mean --cpus?"), ("-memory", "did you mean --memory?"),
            ("--io-red-bps", "did you mean --io-read-bps?"),
            ("--io-rite-bps", "did you mean --io-write-bps?"),
            ("--io-read-ps", "did you mean --io-read-bps?"),
            ("--dort", "did you mean --port or --sort?"),
            ("--io-read", "did you mean --io-read-bps or --io-read-iops?"),
        ])
    func near(_ word: String, _ question: String) {
        let known = [
            "--memory", "--memory-swap", "--cpus", "--io-read-bps", "--io-read-iops", "--io-write-bps", "--port",
            "--sort",
        ]
        #expect(Spelling(known).question(word) == question)
    }

    @Test(
        "what is near nothing gets no guess",
        arguments: ["--fly", "--", "-", "", "--m", "--io", String(repeating: "memory", count: 100)])
    func far(_ word: String) {
        let known = ["--memory", "--cpus", "--io-read-bps", "--io-read-iops", "--io-write-bps", "--io-write-iops"]
        #expect(Spelling(known).question(word) == nil)
    }
}
