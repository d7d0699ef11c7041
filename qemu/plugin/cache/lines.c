/* The lines of memory, each with what the cache may have of it. */

enum state {
    UNKNOWN, /* as the loader left it: may be newer in the cache */
    CLEAN,   /* the same in the cache, or not there */
    STALE,   /* newer in memory, and the cache may have the old one */
    DIRTY,   /* newer in the cache */
};

/* The key is the number of the page and one: 0 is an empty place. */
struct page {
    uint64_t key;
    uint8_t line[PAGE / LEAST_LINE];
};

/* A table of pages with open addressing; UNKNOWN throughout is as good as absent. */
static struct page *pages;
static size_t pages_used, pages_room;

static struct page *find(struct page *table, size_t room, uint64_t key)
{
    size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (room - 1);
    while (table[at].key && table[at].key != key) {
        at = (at + 1) & (room - 1);
    }
    return &table[at];
}

/* Makes room for another page: the table is at most half full. */
static void make_room(void)
{
    if (pages_used * 2 < pages_room) {
        return;
    }
    size_t room = pages_room ? pages_room * 2 : 1 << 12;
    struct page *more = calloc(room, sizeof *more);
    if (!more) {
        abort();
    }
    for (size_t i = 0; i < pages_room; i++) {
        if (pages[i].key) {
            *find(more, room, pages[i].key) = pages[i];
        }
    }
    free(pages);
    pages = more;
    pages_room = room;
}

/* Returns the state of the line at an address. */
static uint8_t *state_of(uint64_t address)
{
    static struct page *last;
    uint64_t key = address / PAGE + 1;
    if (!last || last->key != key) {
        make_room();
        last = find(pages, pages_room, key);
        pages_used += !last->key;
        last->key = key;
    }
    return &last->line[address % PAGE / line_size];
}

/* Returns the address of a line of a page in the table. */
static uint64_t address_of(const struct page *page, unsigned line)
{
    return (page->key - 1) * PAGE + line * line_size;
}
