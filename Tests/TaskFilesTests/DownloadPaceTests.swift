import Testing

@testable import TaskFiles

@Suite("How fast a server must be")
struct DownloadPaceTests {
    @Test("one that says a little before each silence becomes too long is too slow")
    func trickle() {
        var pace = DownloadPace(seconds: 60, bytesMin: 1_000)
        var now = 0.0
        var pieces = 0
        while pace.isKept(by: 1, at: now), pieces < 100 {
            pieces += 1
            pace.wait(from: now)
            now += 25
        }
        #expect(now == 75 && pieces == 3)
    }

    @Test("one that was fast for a while must be so again, and may be silent for as long as that was enough")
    func windows() {
        var pace = DownloadPace(seconds: 60, bytesMin: 1_000)
        var answers: [Bool] = []
        for (count, now) in [(2_000, 0), (1, 60), (1, 119), (1, 121)] as [(Int, Double)] {
            answers.append(pace.isKept(by: count, at: now))
            pace.wait(from: now)
        }
        #expect(answers == [true, true, true, false])
    }

    @Test("the time that our own disk takes is not the server's")
    func ownTime() {
        var pace = DownloadPace(seconds: 60, bytesMin: 1_000)
        for now in stride(from: 0.0, to: 6_000, by: 30) {
            let isKept = pace.isKept(by: 1, at: now)
            #expect(isKept)
            pace.wait(from: now + 30)
        }
    }
}
