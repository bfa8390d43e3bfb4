package main

import "fmt"

// declareServices lists the services of the client in the order of the catalog. Every
// operation must belong to one, and every one must have operations.
func (a *api) declareServices() error {
	used := map[string]bool{}
	for _, g := range a.groups {
		for _, op := range g.Operations {
			used[op.Go.Service] = true
		}
	}
	declared := map[string]bool{}
	for _, g := range a.groups {
		for _, svc := range g.Services {
			switch {
			case declared[svc.Name]:
				return fmt.Errorf("%s.json: service %s is there twice", g.Group, svc.Name)
			case !used[svc.Name]:
				return fmt.Errorf("%s.json: service %s has no operation", g.Group, svc.Name)
			case svc.ZH == "" || svc.EN == "":
				return fmt.Errorf("%s.json: service %s needs zh and en", g.Group, svc.Name)
			}
			declared[svc.Name] = true
			a.services = append(a.services, svc)
		}
		for _, op := range g.Operations {
			if !op.Go.Auth && !declared[op.Go.Service] {
				return fmt.Errorf("%s: add service %q to the services of %s.json", op.Path, op.Go.Service, g.Group)
			}
		}
	}
	return nil
}

// clientField is a field of a client: a service and its title.
type clientField struct{ name, typ, title string }

func (a *api) clientFile() string {
	fields := make([]clientField, len(a.services))
	for i, svc := range a.services {
		fields[i] = clientField{svc.Name, singular(svc.Name) + "Service", svc.ZH}
	}
	return header + clientType(fields, "Client calls the open API for one app. It is safe for many goroutines. Make one with [New] and derive one for each merchant with [Client.ForMerchant].")
}

func (a *qimenAPI) clientFile() string {
	var fields []clientField
	for _, f := range a.families {
		if f.Service != "" {
			title := f.ServiceZH
			if f.Experimental {
				title += " (experimental)"
			}
			fields = append(fields, clientField{f.Service, f.Service + "Service", title})
		}
	}
	return qimenHeader + clientType(fields, "Client calls methods through the gateway for one app. It is safe for many goroutines. Make one with [New] and derive one for each merchant with [Client.ForCustomer].")
}

// clientType writes a client with its services. Its other fields are written by hand, in
// the struct scope.
func clientType(fields []clientField, doc string) string {
	var w writer
	w.comment("", doc)
	w.f("type Client struct {")
	for _, f := range fields {
		w.f("	%s *%s // %s", f.name, f.typ, f.title)
	}
	w.f("\n	scope\n	common service\n}\n")
	w.f("// bind makes the services of a client.")
	w.f("func (c *Client) bind() {")
	w.f("c.common.client = c")
	for _, f := range fields {
		w.f("c.%s = (*%s)(&c.common)", f.name, f.typ)
	}
	w.f("}")
	return w.String()
}
