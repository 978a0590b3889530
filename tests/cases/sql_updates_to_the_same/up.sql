UPDATE people SET name = name;
