import AuditFormat
import Diagnostics
import InventoryFormat
import OCIFormat
import Testing

@Suite("Bills of materials")
struct BillTests {
    static func bill(_ packages: [InstalledPackage], created: String? = "2024-05-06T07:08:09.123Z") -> SoftwareBill {
        SoftwareBill(
            imageName: "app:1", manifest: Digest(of: "m".utf8), created: created,
            release: OSRelease(parsing: Array("ID=debian\nVERSION_ID=12".utf8)), packages: packages, toolVersion: "1")
    }

    static let libc = InstalledPackage(
        .debian, name: "libc6", version: "1:2.36-9+deb12u10~x", architecture: "amd64", sourceName: "glibc",
        sourceVersion: "2.36")
    static let musl = InstalledPackage(
        .alpine, name: "musl", version: "1.2.5-r0", architecture: "x86_64", sourceName: "musl", license: "MIT")

    @Test("a package's URL says what it is, where it is from and for what")
    func locations() {
        let bill = Self.bill([])
        #expect(
            bill.location(of: Self.libc)
                == "pkg:deb/debian/libc6@1:2.36-9%2Bdeb12u10~x?arch=amd64&distro=debian-12&upstream=glibc%402.36")
        let odd = InstalledPackage(.debian, name: "a b/#?ü", version: "1", architecture: "")
        #expect(bill.location(of: odd) == "pkg:deb/debian/a%20b%2F%23%3F%C3%BC@1?distro=debian-12")
    }

    @Test(
        "the same packages give the same bytes, in whatever order and however often they were met",
        arguments: SoftwareBill.Format.allCases)
    func deterministic(_ format: SoftwareBill.Format) {
        let one = Self.bill([Self.libc, Self.musl]).text(as: format)
        #expect(one == Self.bill([Self.musl, Self.libc, Self.musl]).text(as: format))
    }

    @Test(
        "a package that is there twice with another license has one reference",
        arguments: SoftwareBill.Format.allCases)
    func references(_ format: SoftwareBill.Format) throws {
        var other = Self.musl
        other.license = "GPL-2.0-only"
        var capital = Self.musl
        (capital.name, capital.sourceName) = ("Musl", "Musl")
        let bill = Self.bill([Self.musl, other, Self.libc, capital])
        #expect(bill.packages.count == 2)
        let text = bill.text(as: format)
        #expect(text == Self.bill([capital, Self.libc, other, Self.musl]).text(as: format))
    }

    @Test("CycloneDX names the image, its system and each package once")
    func cycloneDX() throws {
        let document = try AuditDocument.read(Array(Self.bill([Self.libc, Self.musl]).text(as: .cyclonedx).utf8))
        #expect(document["bomFormat"]?.text == "CycloneDX" && document["specVersion"]?.text == "1.5")
        let components = try #require(document["components"]?.elements)
        #expect(components.compactMap { $0["name"]?.text } == ["debian", "musl", "libc6"])
        #expect(components[1]["licenses"]?.elements.first?["license"]?["name"]?.text == "MIT")
        #expect(Set(components.compactMap { $0["bom-ref"]?.text }).count == 3)
        let serial = try #require(document["serialNumber"]?.text)
        #expect(
            serial.wholeMatch(of: /urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil
        )
    }

    @Test("SPDX has an element for each package, and what it says of it is in order")
    func spdx() throws {
        let odd = InstalledPackage(.debian, name: "../\u{1b}[31m\"", version: "1", architecture: "")
        let document = try AuditDocument.read(Array(Self.bill([Self.libc, odd]).text(as: .spdx).utf8))
        #expect(document["creationInfo"]?["created"]?.text == "2024-05-06T07:08:09Z")
        let packages = try #require(document["packages"]?.elements)
        #expect(packages.count == 3 && document["relationships"]?.elements.count == 3)
        for package in packages {
            #expect(package["SPDXID"]?.text?.wholeMatch(of: /SPDXRef-[A-Za-z0-9.-]+/) != nil)
        }
    }

    @Test(
        "without a time of the image's there is the beginning of time",
        arguments: [nil, "", "yesterday", "2024-05-06T07:08:09+02:00", "2024/05/06T07:08:09Z"])
    func created(_ text: String?) throws {
        let document = try AuditDocument.read(Array(Self.bill([], created: text).text(as: .spdx).utf8))
        #expect(document["creationInfo"]?["created"]?.text == "1970-01-01T00:00:00Z")
    }
}
