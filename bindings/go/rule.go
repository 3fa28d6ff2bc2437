package sidelite

// Decision is what becomes of an access.
type Decision uint32

// Decisions of rules and of authorizers.
const (
	Allow  = Decision(iota) // the access is allowed
	Deny                    // the statement fails with ErrAuth
	Ignore                  // a column reads as NULL, an UPDATE leaves it as it is
)

// Rule says what becomes of the accesses that it fits. Fields that are empty fit everything; names are compared without
// case.
type Rule struct {
	Decision Decision
	// Action is one of SQLite's action codes, such as ActionRead; 0 fits all.
	Action int
	// First and Second are the action's arguments, as sqlite.org/c3ref/c_alter_table.html tells: table and column, say.
	First, Second string
	Schema        string
	// Trigger is the trigger or view that the access comes from.
	Trigger string
}

// Actions that rules and authorizers are asked about, by SQLite's numbers. There are more.
const (
	ActionDelete      = 9
	ActionInsert      = 18
	ActionPragma      = 19
	ActionRead        = 20
	ActionSelect      = 21
	ActionTransaction = 22
	ActionUpdate      = 23
	ActionAttach      = 24
	ActionFunction    = 31
)

func (r *Rule) write(p *packet) {
	p.integer(int64(r.Decision))
	if r.Action == 0 {
		p.null()
	} else {
		p.integer(int64(r.Action))
	}
	for _, name := range []string{r.First, r.Second, r.Schema, r.Trigger} {
		if name == "" {
			p.null()
		} else {
			p.text(name)
		}
	}
}
