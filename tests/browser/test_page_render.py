"""The page of the sandbox: what it draws, and that nothing foreign runs in it."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser import samples
from tests.browser.fake_server import NOW, FakeServer
from tests.browser.page import OPS, block, post_card, show


async def test_a_card_shows_names_and_times_as_the_person_reads_them(
    page: Page, server: FakeServer
) -> None:
    """Each person has a language and a zone of their own."""
    post_card(server)
    await show(page, server)
    head = block(page, "head")
    await expect(head).to_contain_text("@Alice asks. Lapses today 09:42.")
    await expect(block(page, "print")).to_contain_text("@security")
    await expect(block(page, "print")).to_contain_text("#audit")

    await page.goto(server.url + "#as=U0YAMADA&channel=C0OPS")
    await expect(head).to_contain_text("Lapses 今日 18:42.")
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
    composer = page.get_by_role("combobox", name="#ops-approvals へのメッセージ")
    await expect(composer).to_be_visible()


async def test_foreign_text_stays_text(page: Page, server: FakeServer) -> None:
    """Markup, mentions and script links in a reason do nothing."""
    post_card(server)
    await show(page, server)
    reason = block(page, "reason")
    await expect(reason).to_contain_text("<b>deploy</b> *fix* 4821 <!channel> CHG-1not a link")
    await expect(reason.locator("b, strong, .mention")).to_have_count(0)
    assert await reason.locator("a").evaluate_all("list => list.map(a => a.href)") == [
        "https://tickets.example.com/1"
    ]


async def test_every_block_and_element_is_drawn(page: Page, server: FakeServer) -> None:
    """Nothing that the bot may send is left out."""
    server.post("C0OPS", "U0SEKISHO", "x", blocks=samples.every_block(NOW))
    await show(page, server)
    message = page.locator("[data-ts]")
    await expect(message.locator(".unsupported")).to_have_count(0)
    await expect(message.get_by_role("heading", name="Every block")).to_be_visible()
    await expect(message.get_by_role("columnheader")).to_have_text(["VM", "Port"])
    await expect(message.get_by_role("note")).to_contain_text("Opens at once")
    await expect(message.get_by_role("img", name="Map of the network")).to_be_visible()
    await expect(message).to_contain_text("@佐藤@security#ops-approvals2026-11-25")


async def test_an_unknown_block_is_named(page: Page, server: FakeServer) -> None:
    """A block that can't be drawn is never dropped in silence."""
    server.post("C0OPS", "U0SEKISHO", "x", blocks=[{"type": "carousel"}])
    await show(page, server)
    await expect(page.get_by_text("can't show a block of type carousel")).to_be_visible()


MRKDWN = [
    ("*bold* _it_ ~gone~", "<strong>bold</strong> <em>it</em> <s>gone</s>"),
    ("*a _b_ c*", "<strong>a <em>b</em> c</strong>"),
    ("a_b_c 2*3*4", "a_b_c 2*3*4"),
    ("`*x* <@U0SATO>`", '<code>*x* <span class="mention" data-user="U0SATO">@佐藤</span></code>'),
    ("&lt;script&gt; &amp;amp;", "&lt;script&gt; &amp;amp;"),
    ("<b>x</b>", "<span>b</span>x<span>/b</span>"),
    ("<javascript:alert(1)|safe>", "<span>safe</span>"),
    ("<!channel>", '<span class="mention mention-all">@channel</span>'),
    ("<@U0NOBODY>", '<span class="mention" data-user="U0NOBODY">@U0NOBODY</span>'),
    ("one\ntwo", "one<br>two"),
    ("&gt; said\nthen", "<blockquote>said</blockquote>then"),
    ("```\n*x*\n```", '<pre class="pre">*x*</pre>'),
    (":no_such_emoji: 18:53:20", ":no_such_emoji: 18:53:20"),
    ("<!date^1795599720^{nonsense}|later>", ">later</time>"),
    ("日本語*強調*文 *強調*", "日本語*強調*文 <strong>強調</strong>"),
]


async def test_mrkdwn_reads_as_slack_reads_it(page: Page, server: FakeServer) -> None:
    """A table of texts and their nodes."""
    await show(page, server)
    for source, expected in MRKDWN:
        html = await page.evaluate(
            """async (source) => {
                const { mrkdwn } = await import("/page/mrkdwn.js");
                const box = document.createElement("div");
                box.append(...mrkdwn(source));
                return box.innerHTML;
            }""",
            source,
        )
        assert html == expected or (expected.startswith(">") and html.endswith(expected)), source


async def test_mrkdwn_never_fails_on_hostile_text(page: Page, server: FakeServer) -> None:
    """Unfinished marks and deep nesting end quickly, with every character kept."""
    await show(page, server)
    for source in ("*" * 400, "_*~`" * 100, "<" * 300, "<@" * 100, "`" * 301, "*a " * 300):
        text = await page.evaluate(
            """async (source) => {
                const { mrkdwn } = await import("/page/mrkdwn.js");
                const box = document.createElement("div");
                box.append(...mrkdwn(source));
                return box.textContent;
            }""",
            source,
        )
        assert set(text) <= set(source)


async def test_the_newest_message_stays_in_sight(page: Page, server: FakeServer) -> None:
    """A new message or a pane beside scrolls for who reads the end, and not for who reads back."""
    people = ["U0SATO", "U0ALICE"] * 15
    lines = [server.post("C0OPS", who, f"line {n} " * 30) for n, who in enumerate(people)]
    await show(page, server, f"{OPS}&thread={lines[-1]['ts']}")
    log = page.get_by_role("log", name="Messages")
    await expect(log.locator("[data-ts]").last).to_be_in_viewport(ratio=0.9)
    await log.evaluate("(node) => { node.scrollTop = 0; }")
    await expect(log.locator("[data-ts]").first).to_be_in_viewport()
    server.post("C0OPS", "U0SATO", "the newest")
    await server.hint("messages", channel="C0OPS")
    await expect(log.get_by_text("the newest")).to_be_attached()
    await expect(log.locator("[data-ts]").first).to_be_in_viewport()
